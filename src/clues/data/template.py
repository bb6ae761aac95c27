"""A tokenizer's chat template, with all that a row gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from clues.data.rows import Message


@dataclass(frozen=True)
class Template:
    """A tokenizer's chat template with what a row gives it beside the turns."""

    tokenizer: PreTrainedTokenizerBase
    tools: Sequence[Mapping[str, Any]] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, messages: Sequence[Message], asking: bool = False) -> str:
        """The conversation, with the header of an answer where one is asked for.

        Raises TemplateError for whatever the template raises: templates fail in ways of their own.
        """
        try:
            try:
                return self._written([given_turn(message) for message in messages], asking)
            except TypeError:  # DeepSeek's template takes a call's arguments as text, most others as an object
                return self._written([given_turn(message, arguments_as_text=True) for message in messages], asking)
        except TemplateError:
            raise
        except Exception as error:
            raise TemplateError(f"{type(error).__name__}: {error}") from error

    def _written(self, turns: list[dict[str, Any]], asking: bool) -> str:
        tools = [dict(tool) for tool in self.tools] or None
        given = {"tools": tools, "add_generation_prompt": asking, **self.arguments}
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False, **given))

    @property
    def written(self) -> bool:
        """Whether there is a template."""
        return self.tokenizer.chat_template is not None

    @property
    def bare(self) -> Template:
        """Without tools."""
        return replace(self, tools=())

    @cached_property
    def header(self) -> str:
        """What the template writes to ask for an answer; empty where it writes nothing of its own."""
        prompt = [Message("user", "question")]
        asked, asking = self(prompt), self(prompt, asking=True)
        return asking[len(asked) :] if asking.startswith(asked) else ""

    def uses(self, messages: Sequence[Message], tools: bool) -> bool:
        """Whether the row's tools (else its other arguments) change anything."""
        without = self.bare if tools else replace(self, arguments={})
        try:
            return self(messages) != without(messages)
        except TemplateError:
            return True


def given_turn(message: Message, arguments_as_text: bool = False) -> dict[str, Any]:
    """As chat templates take it."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning:  # one of the two is read, by Qwen's and DeepSeek's templates or by gpt-oss's
        turn |= {"reasoning_content": message.reasoning, "thinking": message.reasoning}
    if message.tool_calls:
        turn["tool_calls"] = [_call(call, arguments_as_text) for call in message.tool_calls]
    more = {"name": message.name, "tool_call_id": message.tool_call_id}
    return turn | {key: value for key, value in more.items() if value}


def _call(call: Mapping[str, Any], arguments_as_text: bool) -> dict[str, Any]:
    function = dict(call["function"])
    if arguments_as_text and not isinstance(function["arguments"], str):
        function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
    return {**call, "function": function}

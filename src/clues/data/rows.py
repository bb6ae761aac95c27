"""A row of a data set: a conversation, where it stands, and who it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

Record = Mapping[str, Any]
"""What a data set says of one example, as its owner wrote it: any fields, of any type."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str
    learned: bool = True
    """False: an assistant turn that the owner gives as context alone (weight 0), neither scored nor trained on."""
    reasoning: str = ""
    """What an assistant thinks before its content; the chat template decides how it is written."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """An assistant's calls as OpenAI writes them, arguments as an object."""
    name: str = ""
    """Of the tool whose output this is."""
    tool_call_id: str = ""
    """Of the call that this is the output of."""

    @property
    def is_response(self) -> bool:
        """Whether the turn is scored and trained on."""
        return self.role == "assistant" and self.learned

    @property
    def has_more(self) -> bool:
        """Whether an assistant says more than its content."""
        return bool(self.reasoning or self.tool_calls)

    @property
    def text(self) -> str:
        """All that an assistant says: reasoning, content and calls (as JSON), two line breaks between them."""
        if not self.has_more:
            return self.content
        return "\n\n".join(part for part in (self.reasoning, self.content, *map(call_text, self.tool_calls)) if part)

    @property
    def _identity(self) -> tuple[str, ...]:
        """What makes it this turn: nothing but role and content where it has nothing else."""
        calls = json.dumps(self.tool_calls, sort_keys=True, default=str) if self.tool_calls else ""
        more = {"reasoning": self.reasoning, "calls": calls, "name": self.name, "id": self.tool_call_id}
        context = "context" if self.role == "assistant" and not self.learned else ""
        return (self.role, self.content, *filter(None, [context, *(f"{k} {v}" for k, v in more.items() if v)]))


def call_text(call: Mapping[str, Any]) -> str:
    """A tool call as one line of JSON."""
    function = call.get("function", call)
    return json.dumps({"name": function.get("name"), "arguments": function.get("arguments")}, ensure_ascii=False)


@dataclass(frozen=True)
class Fields:
    """The closed account of a record: every field of it and of its turns that holds something is in one of these.

    Fields of turns are named `messages[].name`.
    """

    layout: str = ""
    """How it was read, a name of `data.files.layouts`."""
    used: frozenset[str] = frozenset()
    """Read, or followed (a weight, a label)."""
    left_out: frozenset[str] = frozenset()
    """Not read, and they may say something that a model would learn or need."""
    metadata: frozenset[str] = frozenset()
    """Not read, and they look like an id, an address, a number or another short note about the record."""
    stand_ins: frozenset[str] = frozenset()
    """Fields taken as empty for a word that stands for nothing, such as `nan`."""


@dataclass(frozen=True)
class Row:
    """One example: every response is scored and trained on; an assistant turn is one unless it is given as context."""

    messages: tuple[Message, ...]
    file: str
    line: int
    """1-based line of the file, or record number in a format without lines."""
    record: Record
    """The untouched original, unknown fields included."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Tools that the assistant may call, for the chat template."""
    template_args: Mapping[str, Any] = field(default_factory=dict)
    """Other arguments that the record has for the chat template."""
    fields: Fields = Fields()

    @cached_property
    def content_hash(self) -> str:
        """16 hex digits over all that the model is given and learns: the same text under another mask is another
        row."""
        digest = hashlib.sha256()
        parts = [part for message in self.messages for part in message._identity]
        if self.tools or self.template_args:
            parts.append(json.dumps([self.tools, self.template_args], sort_keys=True, default=str))
        for part in parts:
            digest.update(f"{len(part)}:{part}".encode())
        return digest.hexdigest()[:16]

    @property
    def id(self) -> str:
        """Identity of this row in its file; two equal rows of one file differ in it."""
        return f"{self.line}-{self.content_hash[:12]}"

    @property
    def prompt(self) -> str:
        """Text of the last user turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def responses(self) -> tuple[str, ...]:
        """Texts of the responses."""
        return tuple(m.text for m in self.messages if m.is_response)

    @property
    def response(self) -> str:
        """The responses as one text, two line breaks between them."""
        return "\n\n".join(self.responses)

    def with_responses(self, responses: Sequence[str]) -> Row:
        """The same conversation with other responses, one text per response; a new text is all its turn says."""
        if len(responses) != len(self.responses):
            raise ValueError(f"{self.file}:{self.line} has {len(self.responses)} responses, got {len(responses)}")
        texts = iter(responses)
        return replace(self, messages=tuple(_saying(m, next(texts)) if m.is_response else m for m in self.messages))

    def without_prompt(self) -> Row:
        """The responses alone, for the likelihood ℓ(a) of a response that nobody asked for."""
        return replace(self, messages=tuple(m for m in self.messages if m.is_response), tools=())

    def with_question(self, question: str) -> Row:
        """The same conversation with every user turn replaced by this question."""
        return replace(
            self, messages=tuple(Message(m.role, question) if m.role == "user" else m for m in self.messages)
        )


def _saying(message: Message, text: str) -> Message:
    return message if text == message.text else Message(message.role, text)


@dataclass(frozen=True)
class SetAside:
    """A record that cannot be scored: never dropped in silence, never given a score."""

    file: str
    line: int
    reason: str
    raw: str
    """The record as it stands in the file, as text."""

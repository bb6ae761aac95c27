"""A prompt with all that belongs to it (history, context, input, options), and the response to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clues.data.files.columns import fields_in, filled
from clues.data.files.found import Found, missing
from clues.data.files.layouts import Part
from clues.data.files.options import listed, options_of, picked
from clues.data.files.turns import read_turns, turns_in
from clues.data.files.values import as_list, is_absent, is_blank, kind, text_of
from clues.data.rows import Message
from clues.errors import UnusableRecord


def prompt_turns(found: Found) -> list[Message]:
    """All turns before the response; none of them is learned."""
    if "prompt" not in found.layout.needs:
        return []
    earlier = _history(found) if found.has("history") else []
    name = found.field("prompt")
    if fields_in(name):
        return [*earlier, Message("user", _joined(found, name))]
    value = found.record.get(name)
    if isinstance(value, Mapping) and "messages" in value:  # OpenAI's preference files
        return [*earlier, *_of_input(found, name, value)]
    if turns := turns_in(value):
        return [*earlier, *_as_context(_turns(found, name, turns))]
    return [*earlier, Message("user", _with_givens(found))]


def response_turns(found: Found) -> list[Message]:
    """The response: a text, a turn, or turns of which those after the last question are learned."""
    name = found.field("response")
    value = found.record.get(name)
    options = options_of(found)
    if isinstance(value, int) and not isinstance(value, bool) and options:
        value = picked(options, value, name)
    elif is_absent(value) and options and found.has("answer_index"):
        value = picked(options, found.value("answer_index"), found.field("answer_index"))
    if found.has("answer_index") and options:
        found.used.add(found.field("answer_index"))
    if turns := turns_in(value):
        messages = _turns(found, name, turns)
        last = max((i for i, message in enumerate(messages) if message.role == "user"), default=0)
        return [*_as_context(messages[:last]), *messages[last:]]
    found.used.add(name)
    value = found.value("response") if value is None else value
    return [Message("assistant", text_of(value, name), reasoning=_reasoning(found))]


def _reasoning(found: Found) -> str:
    if not found.has("reasoning") or not isinstance(found.value("reasoning"), str):
        return ""
    return found.text("reasoning")


def _with_givens(found: Found) -> str:
    """The prompt with what it is about, two line breaks between them."""
    asked = found.text("prompt")
    if is_blank(asked):
        raise UnusableRecord("the prompt is empty")
    before: list[str] = [found.text("context")] if found.has("context") and found.layout.context_first else []
    after_parts: list[Part] = ["input"] if found.layout.context_first else ["input", "context"]
    after = [found.text(part) for part in after_parts if found.has(part)]
    return "\n\n".join([*before, asked, *after, *listed(options_of(found))])


def _joined(found: Found, prompt: str) -> str:
    """The text that the owner makes of several fields. Raises UnusableRecord for one that is no text."""
    texts = {}
    for name in fields_in(prompt):
        if name not in found.record:
            raise UnusableRecord(missing(name, found.record))
        value = found.record[name]
        found.used.add(name)
        texts[name] = "" if value is None else text_of(value, name)
    return filled(prompt, texts)


def _turns(found: Found, name: str, value: Any) -> list[Message]:
    turns = read_turns(value, name)
    found.used.add(name)
    found.turns[name] = turns.used
    found.left_out |= {f"{name}[].{what}" for what in turns.left_out}
    return turns.messages


def _as_context(messages: Sequence[Message]) -> list[Message]:
    return [replace(m, learned=False) if m.role == "assistant" else m for m in messages]


def _of_input(found: Found, name: str, value: Mapping[str, Any]) -> list[Message]:
    found.left_out |= {f"{name}.{key}" for key, item in value.items() if key != "messages" and not is_absent(item)}
    found.used.add(name)
    return _as_context(read_turns(value["messages"], f"{name}.messages").messages)


def _history(found: Found) -> list[Message]:
    """Earlier turns, as pairs of question and answer or as turns. Raises UnusableRecord for anything else."""
    name = found.field("history")
    pairs = as_list(found.value("history"))
    if not isinstance(pairs, list):
        raise UnusableRecord(f"field {name} is {kind(pairs)}, not a list of earlier turns")
    if all(isinstance(turn, Mapping) for turn in pairs):
        return _as_context(_turns(found, name, pairs))
    found.used.add(name)
    messages = []
    for number, pair in enumerate(pairs, start=1):
        if not (isinstance(pair, list | tuple) and len(pair) == 2):
            raise UnusableRecord(f"entry {number} of {name} is {kind(pair)}, not a question with its answer")
        for role, text in zip(("user", "assistant"), pair, strict=True):
            if not is_absent(text):
                messages.append(Message(role, text_of(text, f"{name}[{number}]"), learned=role == "user"))
    return messages

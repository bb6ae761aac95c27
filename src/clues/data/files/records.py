"""What a record says: its fields as a row, in every layout that data sets have, with an account of every field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clues.data.files.account import account
from clues.data.files.columns import Columns
from clues.data.files.contents import text_in
from clues.data.files.found import Found, find
from clues.data.files.marks import marked
from clues.data.files.pairs import prompt_turns, response_turns
from clues.data.files.tool_calls import tools_of
from clues.data.files.turns import read_turns
from clues.data.files.values import is_absent, is_blank, parsed, text_of
from clues.data.rows import Message, Record, Row
from clues.errors import UnusableRecord


def read_record(record: Record, file: str, line: int, columns: Columns | None = None) -> Row:
    """The row that a record is, its last turn an assistant's.

    Fields are found in the layouts of `layouts.LAYOUTS`, or named by `columns` (see `columns.check_columns`). A field
    that holds nothing (`values.is_absent`) is as good as not there. Lists and objects may be written as text.

    Raises UnusableRecord with the reason if there is no such conversation, no text in one of its turns, or something
    in it that cannot be followed.
    """
    found = find(record, columns)
    _check_marks(found)
    tools, template_args = _tools(found), _template_args(found)
    messages = _conversation(found)
    _check(messages)
    fields = account(record, found.layout.name, found.used, found.left_out, found.turns, found.stand_ins)
    return Row(messages, file, line, record, tools, template_args, fields)


def _conversation(found: Found) -> tuple[Message, ...]:
    if "messages" in found.layout.needs:
        messages = _with_chosen(found, _turns(found, "messages"))
    else:
        messages = [*prompt_turns(found), *response_turns(found)]
        messages = _without_repeat(messages)
    return tuple(_with_system(found, messages))


def _turns(found: Found, part: Any) -> list[Message]:
    name, value = found.field(part), found.value(part)
    turns = read_turns(value, name)
    found.used.add(name)
    found.turns[name] = found.turns.get(name, set()) | turns.used
    found.left_out |= {f"{name}[].{what}" for what in turns.left_out}
    return turns.messages


def _with_chosen(found: Found, messages: list[Message]) -> list[Message]:
    """A conversation that ends in a question, with the answer that is preferred (LLaMA-Factory's pairs)."""
    if messages and messages[-1].role != "assistant" and found.has("response"):
        return [*messages, *response_turns(found)]
    return messages


def _without_repeat(messages: list[Message]) -> list[Message]:
    """Where the response is a whole conversation, the prompt before it is its beginning once more."""
    starts = [i for i, message in enumerate(messages) if message.role in ("user", "system")]
    for start in starts[1:]:
        before = [(m.role, m.content) for m in messages[:start]]
        if before == [(m.role, m.content) for m in messages[start : 2 * start]]:
            return messages[start:]
    return messages


def _with_system(found: Found, messages: list[Message]) -> list[Message]:
    """The record's own system message in front; one that the turns have as well stands there once."""
    if not found.has("system"):
        return messages
    name, value = found.field("system"), found.value("system")
    found.used.add(name)
    text = text_of(text_in(value), name)
    if messages and messages[0].role == "system":
        first, *rest = messages
        return messages if first.content.strip() == text.strip() else [
            Message("system", f"{text}\n\n{first.content}"), *rest
        ]  # fmt: skip
    return [Message("system", text), *messages]


def _tools(found: Found) -> tuple[Mapping[str, Any], ...]:
    if not found.has("tools"):
        return ()
    tools = tools_of(found.value("tools"))
    if tools is None:
        found.left_out.add(found.field("tools"))
    found.used.add(found.field("tools"))
    return tools or ()


def _template_args(found: Found) -> dict[str, Any]:
    """Arguments for the chat template; those that are given to it anyway are not the record's to set."""
    value = parsed(found.value("template_args")) if found.has("template_args") else None
    if not isinstance(value, Mapping):
        return {}
    found.used.add(found.field("template_args"))
    ours = ("messages", "conversation", "tools", "tokenize", "add_generation_prompt", "chat_template", "documents")
    return {str(key): item for key, item in value.items() if key not in ours and not is_absent(item)}


def _check_marks(found: Found) -> None:
    """A record that its owner marks as not to be learned. Raises UnusableRecord."""
    if found.has("label"):
        name, label = found.field("label"), found.value("label")
        if isinstance(label, bool) or str(label).strip().casefold() in ("true", "false"):
            found.used.add(name)
            if not marked(label):
                raise UnusableRecord(f"{name} is false: an answer that its owner does not want, so not one to learn")
    following = marked(found.value("weight")) if found.has("weight") else None
    if following is not None:  # another weight is named as left out
        name = found.field("weight")
        found.used.add(name)
        if not following:
            raise UnusableRecord(f"{name} is 0: nothing is learned from this record")


def _check(messages: tuple[Message, ...]) -> None:
    if not messages or messages[-1].role != "assistant":
        last = f"is {messages[-1].role}'s" if messages else "does not exist"
        raise UnusableRecord(f"the last turn must be an assistant's, for it is what is learned; here it {last}")
    if not any(message.role in ("user", "tool") for message in messages):
        raise UnusableRecord("there is no user turn, so that nothing tells what the response is about")
    for number, message in enumerate(messages, start=1):
        if message.role in ("user", "assistant") and is_blank(message.content) and not message.tool_calls:
            which = "response" if message.role == "assistant" else "prompt"
            raise UnusableRecord(f"the {which} is empty" + (f" (turn {number})" if len(messages) > 2 else ""))
    if not any(message.is_response for message in messages):
        raise UnusableRecord("every assistant turn is marked as not to be trained on (weight 0, train false)")

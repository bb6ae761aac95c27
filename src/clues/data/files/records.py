"""What a record says: its fields as a conversation, in every naming that data sets use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clues.data.rows import Message, Record
from clues.errors import UnusableRecord

ROLES = {"system": "system", "user": "user", "assistant": "assistant", "human": "user", "gpt": "assistant"}
"""Roles as they are written, `human` and `gpt` being ShareGPT's."""


def conversation(record: Record, columns: Mapping[str, str] | None = None) -> tuple[Message, ...]:
    """The turns of a record, the last one an assistant's.

    `columns` names the fields of prompt and response, `{"prompt": ..., "response": ...}`; without it the fields that
    the record has decide: `messages` (`role`, `content`), `conversations` (`from`, `value`), `prompt` and `response`,
    `instruction` with or without `input` and `output`, or `question` and `answer`.

    Raises UnusableRecord with the reason if there is no such conversation, or no text in one of its turns.
    """
    messages = _pair(record, columns["prompt"], columns["response"]) if columns else _detected(record)
    _check(messages)
    return messages


def _detected(record: Record) -> tuple[Message, ...]:
    """By the first format whose fields are all there; else the first with one of them says what is missing."""
    there = {field for field, value in record.items() if value is not None}
    for enough in (all, any):
        for fields, read in FORMATS.items():
            if enough(field in there for field in fields):
                return read(record)
    known = "; ".join(" and ".join(fields) for fields in FORMATS)
    raise UnusableRecord(
        f"no known fields ({known}); the record has {', '.join(map(str, record)) or 'none'}: "
        "rename them or say which columns are prompt and response"
    )


def _pair(record: Record, prompt: str, response: str) -> tuple[Message, ...]:
    return Message("user", _text(record, prompt)), Message("assistant", _text(record, response))


def _instruction(record: Record) -> tuple[Message, ...]:
    user, assistant = _pair(record, "instruction", "output")
    given = _text(record, "input") if record.get("input") is not None else ""
    return (Message("user", f"{user.content}\n\n{given}") if given.strip() else user), assistant


def _turns(record: Record, field: str) -> tuple[Message, ...]:
    turns = record[field]
    if not isinstance(turns, list):
        raise UnusableRecord(f"field {field} is {_kind(turns)}, not a list of turns")
    return tuple(_turn(turn, f"turn {number} of {field}") for number, turn in enumerate(turns, start=1))


def _turn(turn: Any, where: str) -> Message:
    if not isinstance(turn, Mapping):
        raise UnusableRecord(f"{where} is {_kind(turn)}, not an object with role and content")
    role_field, text_field = ("from", "value") if "from" in turn else ("role", "content")
    role = _text(turn, role_field, where)
    if role not in ROLES:
        raise UnusableRecord(f"{where} has the role {role!r}; roles are system, user and assistant")
    return Message(ROLES[role], _text(turn, text_field, where))


FORMATS: dict[tuple[str, ...], Callable[[Record], tuple[Message, ...]]] = {
    ("messages",): lambda record: _turns(record, "messages"),
    ("conversations",): lambda record: _turns(record, "conversations"),
    ("prompt", "response"): lambda record: _pair(record, "prompt", "response"),
    ("instruction", "output"): _instruction,
    ("question", "answer"): lambda record: _pair(record, "question", "answer"),
}
"""Fields that make a conversation, and how."""


def _text(record: Record, field: str, where: str = "") -> str:
    place = f"{where}: " if where else ""
    if field not in record:
        raise UnusableRecord(f"{place}field {field} is missing")
    text = record[field]
    if not isinstance(text, str):
        raise UnusableRecord(f"{place}field {field} is {_kind(text)}, not text")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UnusableRecord(f"{place}field {field} holds half a character (a lone surrogate), which is no text")
    return text


def _check(messages: tuple[Message, ...]) -> None:
    if not messages or messages[-1].role != "assistant":
        last = f"is {messages[-1].role}'s" if messages else "does not exist"
        raise UnusableRecord(f"the last turn must be an assistant's, for it is what is learned; here it {last}")
    if not any(message.role == "user" for message in messages):
        raise UnusableRecord("there is no user turn, so that nothing tells what the response is about")
    for number, message in enumerate(messages, start=1):
        if message.role != "system" and not message.content.strip():
            which = "response" if message.role == "assistant" else "prompt"
            raise UnusableRecord(f"the {which} is empty" + (f" (turn {number})" if len(messages) > 2 else ""))


def _kind(value: Any) -> str:
    """What a value is, in the words of JSON."""
    kinds = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "text" if isinstance(value, str) else f"a {type(value).__name__}")

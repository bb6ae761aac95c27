"""A list of turns as messages, in every notation that data sets have for roles, texts, tool calls and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clues.data.files.contents import TEXT_FIELDS, joined, parts_of
from clues.data.files.marks import switch
from clues.data.files.tool_calls import CALL_ROLES, calls_of, calls_of_parts, spoken_call
from clues.data.files.values import as_list, is_absent, kind, text_of
from clues.data.rows import Message
from clues.errors import UnusableRecord

_NAMES = {
    "system": "system developer",
    "user": "user human prompter usr customer",
    "assistant": "assistant gpt chatgpt gpt4 gpt-4 bot chatbot model bing bard gemini claude ai llm agent",
    "tool": "tool function observation ipython tool_response tool_result tool_output function_response",
}
ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
"""Roles as they are written, in any case."""

ROLE_FIELDS = ("role", "from")
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
CALL_FIELDS = ("tool_calls", "function_call")
MASKS = ("weight", "train", "training", "loss")
"""Fields that say whether a turn is learned: OpenAI's and Mistral's, Axolotl's, ms-swift's."""


@dataclass
class Turns:
    """Messages, with the fields of the turns that were used, and the parts of contents that were not."""

    messages: list[Message] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)


def read_turns(value: Any, name: str) -> Turns:
    """The turns in the field `name`. Raises UnusableRecord with the reason, and the turn's number."""
    turns = as_list(value)
    if not isinstance(turns, list):
        raise UnusableRecord(f"field {name} is {kind(turns)}, not a list of turns")
    found = Turns()
    for number, turn in enumerate(turns, start=1):
        if not is_absent(turn):
            found.messages.append(_turn(turn, f"turn {number} of {name}", found))
    return found


def turns_in(value: Any) -> list[Any]:
    """The turns that a prompt or a response holds in place of a text; none where it is a text, of JSON too."""
    turns = as_list(value)
    turns = [turns] if isinstance(turns, Mapping) else turns
    if not (isinstance(turns, list) and turns and all(isinstance(turn, Mapping) for turn in turns)):
        return []
    roles = [turn.get(_first(turn, ROLE_FIELDS)) for turn in turns]
    if isinstance(value, str):  # it may be an answer in JSON: only what can be nothing but turns is taken for them
        known = all(isinstance(role, str) and role.strip().casefold() in ROLES for role in roles)
        return turns if known and all(any(name in turn for name in TEXT_FIELDS) for turn in turns) else []
    return turns if not any(map(is_absent, roles)) else []


def _turn(turn: Any, where: str, found: Turns) -> Message:
    if not isinstance(turn, Mapping):
        raise UnusableRecord(f"{where} is {kind(turn)}, not an object with role and content")
    role_field = _first(turn, ROLE_FIELDS)
    role_text = text_of(_needed(turn, role_field, where), role_field, where).strip()
    learned = _learned(turn, role_text, where, found)
    if role_text.casefold() in CALL_ROLES:
        text = _needed(turn, text_field := _first(turn, TEXT_FIELDS), where)
        found.used |= {role_field, text_field}
        return Message("assistant", "", learned, tool_calls=spoken_call(text, f"{where}, a {role_text}"))
    role = ROLES.get(role_text.casefold())
    if role is None:
        raise UnusableRecord(f"{where} has the role {role_text!r}; roles are {', '.join(ROLES)}")
    found.used.add(role_field)
    calls = _calls(turn, role, where, found)
    return _spoken(turn, Message(role, "", learned, tool_calls=calls), where, found)


def _spoken(turn: Mapping[str, Any], message: Message, where: str, found: Turns) -> Message:
    """The message with its texts."""
    text_field = _first(turn, TEXT_FIELDS, "value" if "from" in turn and is_absent(turn.get("role")) else "content")
    content = parts_of(turn.get(text_field))
    reasoning, calls = _reasoning(turn, message.role, where, found), message.tool_calls
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        calls += calls_of_parts(content)
        said = joined(content, text_field, message.role, where)
        content, reasoning = said.text, reasoning or said.reasoning
        found.left_out |= said.left_out
    elif is_absent(content) and calls:
        content = content if isinstance(content, str) else ""
    else:
        content = text_of(_needed(turn, text_field, where), text_field, where)
    found.used.add(text_field)
    name, call = (str(turn.get(key) or "") if message.role == "tool" else "" for key in ("name", "tool_call_id"))
    found.used |= {key for key, value in (("name", name), ("tool_call_id", call)) if value}
    return Message(message.role, content, message.learned, reasoning, calls, name, call)


def _first(turn: Mapping[str, Any], names: Sequence[str], otherwise: str = "") -> str:
    """The first of these fields that is filled; else the first that is there; else the usual one."""
    filled = (name for name in names if not is_absent(turn.get(name)))
    there = (name for name in names if name in turn)
    return next(filled, "") or otherwise or next(there, "") or names[0]


def _needed(turn: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in turn:
        raise UnusableRecord(f"{where}: field {name} is missing; it has {', '.join(map(str, turn)) or 'none'}")
    return turn[name]


def _learned(turn: Mapping[str, Any], role: str, where: str, found: Turns) -> bool:
    """Whether an assistant turn is learned. Raises UnusableRecord for what cannot be honoured."""
    said = {name: turn[name] for name in MASKS if not is_absent(turn.get(name))}
    if not is_absent(turn.get("train_detail")):
        raise UnusableRecord(f"{where}: train_detail, a mask within a turn, cannot be followed; split the turn")
    found.used |= said.keys()
    answers = {name: switch(value, name, where) for name, value in said.items()}
    mine = ROLES.get(role.casefold()) == "assistant" or role.casefold() in CALL_ROLES
    if not mine and any(on for name, on in answers.items() if name != "weight"):
        raise UnusableRecord(f"{where}: a {role} turn that is to be trained on; only an assistant's turns are")
    return not mine or all(answers.values())


def _calls(turn: Mapping[str, Any], role: str, where: str, found: Turns) -> tuple[Mapping[str, Any], ...]:
    name = next((name for name in CALL_FIELDS if not is_absent(turn.get(name))), "")
    if not name:
        return ()
    if role != "assistant":
        raise UnusableRecord(f"{where}: {name} in a turn of the {role}")
    found.used.add(name)
    return calls_of(turn[name], f"{where}: field {name}")


def _reasoning(turn: Mapping[str, Any], role: str, where: str, found: Turns) -> str:
    name = next((n for n in REASONING_FIELDS if isinstance(turn.get(n), str) and not is_absent(turn[n])), "")
    if not name or role != "assistant":
        return ""
    found.used.add(name)
    return text_of(turn[name], name, where)

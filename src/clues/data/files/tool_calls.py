"""Tools and calls of them, however they are written, as OpenAI's objects: what chat templates take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clues.data.files.values import as_list, kind, parsed
from clues.errors import UnusableRecord

CALL_ROLES = frozenset({"function_call", "tool_call", "tool_calls"})
"""Roles, in other tools' files, of an assistant turn that is nothing but a call written as JSON."""

Call = Mapping[str, Any]


def calls_of(value: Any, where: str) -> tuple[Call, ...]:
    """The calls of a turn: a list, or one, as objects or as text. Raises UnusableRecord for anything else."""
    value = as_list(value)
    calls = value if isinstance(value, list) else [value]
    return tuple(_call(call, where) for call in calls)


def spoken_call(text: Any, where: str) -> tuple[Call, ...]:
    """The calls of a turn whose role says that it is one."""
    if isinstance(text, str) and isinstance(parsed(text), str):
        raise UnusableRecord(f"{where}: its text is no call as JSON with name and arguments")
    return calls_of(text, where)


def calls_of_parts(parts: Sequence[Mapping[str, Any]]) -> tuple[Call, ...]:
    """Calls that stand among the parts of a content."""
    return tuple(_call(part, "a tool_use part") for part in parts if part.get("type") in ("tool_use", "tool_call"))


def _call(call: Any, where: str) -> Call:
    call = parsed(call)
    function = parsed(call.get("function", call)) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UnusableRecord(f"{where}: {kind(call)} that is no call with name and arguments")
    given = next((function[key] for key in ("arguments", "parameters", "input", "args") if key in function), {})
    identity = {"id": call["id"]} if call.get("id") else {}
    return {**identity, "type": "function", "function": {"name": function["name"], "arguments": parsed(given)}}


def tools_of(value: Any) -> tuple[Mapping[str, Any], ...] | None:
    """The tools that a record offers; None where they cannot be read as a list of objects."""
    value = as_list(value)
    tools = value if isinstance(value, list) else [value]
    if not all(isinstance(tool, Mapping) for tool in tools):
        return None
    return tuple(tool if "function" in tool or "name" not in tool else _wrapped(tool) for tool in tools)


def _wrapped(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "function", "function": tool}

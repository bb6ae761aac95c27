"""The settings as a JSON schema, for editors, and what it says of each in words: the docstrings, units and ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

Node = dict[str, Any]
"""A part of a JSON schema."""

_NUMBERS = {"integer": "a whole number", "number": "a number"}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


@dataclass(frozen=True)
class Part:
    """One setting, or a table of them."""

    allowed: str
    """Which values it may have, in words."""
    unit: str = ""
    reason: str = ""
    keys: tuple[str, ...] = ()
    """Of a table."""


@cache
def schema(kind: type) -> Node:
    """The JSON schema of a settings class; `unit` is a keyword of ours, which editors pass over."""
    return TypeAdapter(kind).json_schema()


def part_at(kind: type, loc: Sequence[int | str]) -> Part:
    """What the schema says of the setting at `loc`: names of tables and keys, and places in lists."""
    node = schema(kind)
    for part in loc:
        node = node["items"] if isinstance(part, int) else node["properties"][part]
        node = _resolved(node, kind)
    described = (node.get("unit", ""), " ".join(node.get("description", "").split()))
    return Part(_allowed(node, kind), *described, tuple(node.get("properties", ())))


def keys(kind: type, before: str = "") -> Iterator[str]:
    """The dotted name of every setting."""
    for name, node in schema(kind)["properties"].items():
        table = _resolved(node, kind).get("properties")
        yield from (f"{name}.{key}" for key in table) if table else (before + name,)


def _resolved(node: Node, kind: type) -> Node:
    """A node with what it refers to; its own words stand before those of the table's class."""
    reference = node.get("$ref", "").rpartition("/")[2]
    return schema(kind)["$defs"][reference] | node if reference else node


def _allowed(node: Node, kind: type) -> str:
    if values := node.get("enum", [node["const"]] if "const" in node else []):
        return ", ".join(map(str, values))
    match node.get("type"):
        case "integer" | "number" as number:
            limits = [f"{word} {node[name]}" for name, word in _LIMITS.items() if name in node]
            return ", ".join(filter(None, [_NUMBERS[number], " and ".join(limits)]))
        case "boolean":
            return "true or false"
        case "array":
            least = ", not empty" if node.get("minItems") else ""
            once = ", nothing twice" if node.get("uniqueItems") else ""
            return f"a list{least}{once}; each: {_allowed(_resolved(node['items'], kind), kind)}"
        case "object":
            return "a table of settings"
    return node.get("allowed", "a text that is not empty" if node.get("minLength") else "a text")

"""What a field's value is: absent, a text, or lists and objects that were written as text."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from clues.errors import UnusableRecord

_NOTHING_SEEN = re.compile(
    "[\\s\u00ad\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u2800\u3164\ufeff\uffa0]*"
)
"""White space and characters without width."""
_SURROGATE = re.compile("[\ud800-\udfff]")
STAND_INS = frozenset({"nan", "<noinput>", "<no input>"})
"""Words that exports (pandas) and data sets (Alpaca) write into an optional field that is empty."""
LONGEST_SOURCE = 1_000_000
"""Characters of a text that is tried as Python's list or dictionary; JSON may be longer."""


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing."""
    return _NOTHING_SEEN.fullmatch(text) is not None


def is_absent(value: Any) -> bool:
    """The one rule: null, NaN, a text without anything to see, a list or object that holds nothing else."""
    if isinstance(value, str):
        return is_blank(value)
    if isinstance(value, Mapping):
        return all(is_absent(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_absent(item) for item in value)
    return value is None or (isinstance(value, float) and value != value)


def is_stand_in(value: Any) -> bool:
    """Whether a text stands for an empty field."""
    return isinstance(value, str) and value.strip().casefold() in STAND_INS


def parsed(value: Any) -> Any:
    """A list or object that was written as text (a cell of a table) as what it is; all else unchanged."""
    if not (isinstance(value, str) and value.lstrip()[:1] in ("[", "{")):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = _python(value)
    return found if isinstance(found, list | dict) else value


def _python(text: str) -> Any:
    """What pandas writes into a cell: Python's own notation."""
    try:
        return ast.literal_eval(text.strip()) if len(text) <= LONGEST_SOURCE else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def as_list(value: Any) -> Any:
    """A list of objects, also where it was written as text, as texts of objects, or as an object of lists."""
    value = parsed(value)
    if isinstance(value, Mapping) and value and all(isinstance(item, list) for item in value.values()):
        columns = list(value.values())
        if len({len(column) for column in columns}) == 1:
            return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return [parsed(item) for item in value] if isinstance(value, list) else value


def text_of(value: Any, field: str, where: str = "") -> str:
    """A text. Raises UnusableRecord with what it is instead."""
    place = f"{where}: " if where else ""
    if not isinstance(value, str):
        raise UnusableRecord(f"{place}field {field} is {kind(value)}, not text")
    if not value.isascii() and _SURROGATE.search(value):
        raise UnusableRecord(f"{place}field {field} holds half a character (a lone surrogate), which is no text")
    return value


def kind(value: Any) -> str:
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

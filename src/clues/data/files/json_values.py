"""JSON values in a text with the places where they stand, so that what is kept can be copied as it is written."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clues.errors import UnusableRecord

_SPACE = re.compile(r"[ \t\r\n]*")
_AT = re.compile(r": line \d+ column \d+ \(char \d+\)$")


@dataclass(frozen=True)
class Span:
    """A value and its characters [start, end) in the text."""

    start: int
    end: int
    value: Any
    note: str = ""
    """What its owner should know of the value although it can be read."""


def parse(text: str) -> Span:
    """The value that the whole text is. Raises UnusableRecord with what is wrong and where."""
    _seen.twice = ""
    try:
        return Span(0, len(text), _DECODER.decode(text), _seen.twice)
    except json.JSONDecodeError as error:
        raise UnusableRecord(f"not JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise UnusableRecord(f"not JSON that can be read: {error}") from error


def value_at(text: str, start: int) -> Span:
    """The value that begins there, white space aside. Raises ValueError if there is none."""
    start = skip(text, start)
    _seen.twice = ""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    except StopIteration as error:
        raise json.JSONDecodeError("Expecting value", text, start) from error
    return Span(start, end, value, _seen.twice)


def skip(text: str, position: int) -> int:
    """The first place from there on that is no white space."""
    return _SPACE.match(text, position).end()  # type: ignore[union-attr] - it matches nothing, too


def elements(text: str, start: int) -> Iterator[Span]:
    """The elements of the list that begins there, one by one. Raises ValueError where it is no list."""
    position = skip(text, expect(text, start, "["))
    while text[position : position + 1] != "]":
        span = value_at(text, position)
        yield span
        position = skip(text, span.end)
        if text[position : position + 1] != "]":
            position = skip(text, expect(text, position, ","))
            if text[position : position + 1] == "]":
                raise json.JSONDecodeError("Illegal trailing comma before end of array", text, position)


def members(text: str, start: int) -> Iterator[tuple[str, Span]]:
    """The fields of the object that begins there. Raises ValueError where it is no object."""
    position = skip(text, expect(text, start, "{"))
    while text[position : position + 1] != "}":
        key = value_at(text, position)
        span = value_at(text, expect(text, key.end, ":"))
        yield str(key.value), span
        position = skip(text, span.end)
        if text[position : position + 1] != "}":
            position = skip(text, expect(text, position, ","))


def expect(text: str, position: int, sign: str) -> int:
    """The place after the sign. Raises JSONDecodeError if it is not there."""
    position = skip(text, position)
    if text[position : position + 1] != sign:
        raise json.JSONDecodeError(f"Expecting {sign!r}", text, position)
    return position + 1


class _Seen(threading.local):
    """What the decoder met in the value it is reading."""

    twice = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Of two fields of one name the last counts, as everywhere in Python; but it is said."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _seen.twice = f"field {twice!r} twice in one object, where the last counts"
    return found


_seen = _Seen()
_DECODER = json.JSONDecoder(object_pairs_hook=_object)

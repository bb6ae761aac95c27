"""The closed account of a record's fields: used, metadata, or left out. Nothing is ignored in silence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from clues.data.files.layouts import carries_meaning
from clues.data.files.values import as_list, is_absent
from clues.data.rows import Fields, Record

SHORT = 40
"""Characters of a text that may be a note about the record; what is longer may be something to learn."""
MOST_NOTES = 20
"""Values within a list or object of notes."""
_ADDRESS = re.compile(r"\w+://\S+|\S{1,200}")
"""A URL, a path or a hash: one word."""
OURS = "clues_"
"""Fields that clues itself writes into records."""


def account(
    record: Record,
    layout: str,
    used: Iterable[str],
    left_out: Iterable[str] = (),
    turns: Mapping[str, Iterable[str]] | None = None,
    stand_ins: Iterable[str] = (),
) -> Fields:
    """Every filled field of a record in its place.

    Args:
        used: fields of the record that were read. left_out: what was found not to be read.
        turns: field of turns -> fields of its turns that were read.
    """
    used, missed, notes = set(used), set(left_out), set()
    for name, value in record.items():
        if name not in used and not is_absent(value):
            (notes if is_note(str(name), value) else missed).add(str(name))
    for name, read in (turns or {}).items():
        _of_turns(record.get(name), name, frozenset(read), missed, notes)
    return _shared(layout, frozenset(used), frozenset(missed), frozenset(notes - missed), frozenset(stand_ins))


def _of_turns(turns: Any, name: str, read: frozenset[str], missed: set[str], notes: set[str]) -> None:
    listed = as_list(turns)
    for turn in listed if isinstance(listed, list) else [listed]:
        if isinstance(turn, Mapping):
            for key, value in turn.items():
                if key not in read and not is_absent(value):
                    (notes if is_note(str(key), value) else missed).add(f"{name}[].{key}")


def is_note(name: str, value: Any) -> bool:
    """Whether a field that is not read looks like metadata, and has no name that is known to mean more."""
    return name.startswith(OURS) or (not carries_meaning(name) and _is_note(value))


def _is_note(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= SHORT or _ADDRESS.fullmatch(value) is not None
    if isinstance(value, Mapping):
        return len(value) <= MOST_NOTES and all(is_note(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return len(value) <= MOST_NOTES and all(_is_note(item) for item in value)
    return not isinstance(value, bytes)


@cache
def _shared(
    layout: str, used: frozenset[str], left_out: frozenset[str], metadata: frozenset[str], stand_ins: frozenset[str]
) -> Fields:
    """One object for all records of a file that are alike."""
    return Fields(layout, used, left_out, metadata, stand_ins)

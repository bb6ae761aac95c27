"""Every setting of a job as it is: its value, where that was given, its unit, what is allowed, and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from clues.config.checking import dotted
from clues.config.reading import Given
from clues.config.schema import part_at
from clues.config.settings import Job

DEFAULT = "default"
"""Where a setting is from that nobody gave."""

Value = str | int | float | bool | list[str] | list[int]
Loc = tuple[int | str, ...]


@dataclass(frozen=True)
class Setting:
    """One setting, described by its docstring, its type and the way it was given."""

    key: str
    """Dotted, as `--set` takes it; clients are numbered from 0."""
    value: Value
    source: str
    """`default`, the file, or `command line`."""
    unit: str
    """Empty for what is no number."""
    allowed: str
    reason: str


def described(job: Job, given: Given) -> list[Setting]:
    """All settings of a job, in the order of the tree; clients as often as there are any."""
    return [_described(loc, value, given) for loc, value in _leaves(job, ())]


def _described(loc: Loc, value: Value, given: Given) -> Setting:
    part, key = part_at(Job, loc), dotted(loc)
    return Setting(key, value, given.source(key) or DEFAULT, part.unit, part.allowed, part.reason)


def _leaves(value: object, loc: Loc) -> Iterator[tuple[Loc, Value]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name), (*loc, field.name))
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for number, part in enumerate(value):
            yield from _leaves(part, (*loc, number))
    else:
        yield loc, list(value) if isinstance(value, tuple) else value  # type: ignore[misc]

"""Which layout a record is in, and which of its fields is which part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from clues.data.files.columns import Columns, fields_in, layouts_of
from clues.data.files.layouts import Layout, Part, plain_name
from clues.data.files.values import is_absent, is_stand_in, text_of
from clues.data.rows import Record
from clues.errors import UnusableRecord

OPTIONAL: tuple[Part, ...] = ("system", "context", "history", "input", "options", "tools", "reasoning")
"""Parts in which a word such as `nan` stands for nothing."""
NO_FIELD = ""
RECORDS_ALIKE = 4096
"""Shapes of records that are remembered."""


@dataclass
class Found:
    """A record being read: its layout, the field of each part, and what was done with the fields."""

    record: Record
    layout: Layout
    fields: Mapping[Part, str]
    used: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    turns: dict[str, set[str]] = field(default_factory=dict)
    """Field of turns -> fields of its turns that were read."""
    stand_ins: set[str] = field(default_factory=set)

    def has(self, part: Part) -> bool:
        """Whether the part has a field that holds something."""
        name = self.fields.get(part)
        if not name or name not in self.record or is_absent(self.record[name]):
            return False
        if part in OPTIONAL and is_stand_in(self.record[name]):
            self.used.add(name)
            self.stand_ins.add(name)
            return False
        return True

    def field(self, part: Part) -> str:
        """The part's field, whether or not the record has it."""
        return self.fields.get(part) or self.layout.fields[part][0]

    def value(self, part: Part) -> Any:
        """What stands in it. Raises UnusableRecord where there is no such field."""
        name = self.field(part)
        if name not in self.record:
            raise UnusableRecord(missing(name, self.record))
        return self.record[name]

    def text(self, part: Part) -> str:
        """The text in it. Raises UnusableRecord for anything else."""
        self.used.add(self.field(part))
        return text_of(self.value(part), self.field(part))


def find(record: Record, columns: Columns | None) -> Found:
    """The first layout whose parts are all filled; else the one of which most is there, to say what is missing.

    Raises UnusableRecord where the record has no field of any layout.
    """
    filled = tuple(name for name, value in record.items() if isinstance(name, str) and not is_absent(value))
    keys = filled if len(filled) == len(record) else tuple(name for name in record if isinstance(name, str))
    found = _choice(filled, keys, layouts_of(columns))
    if found is None:
        raise UnusableRecord(_unknown(record, filled))
    layout, fields = found
    return Found(record, layout, fields)


def missing(name: str, record: Record) -> str:
    """Which field is not there, what is, and which option names fields."""
    there = ", ".join(map(str, record)) or "none"
    return f"field {name} is missing; the record has {there} (--columns says which field is which)"


@lru_cache(RECORDS_ALIKE)
def _choice(
    filled: tuple[str, ...], keys: tuple[str, ...], layouts: tuple[Layout, ...]
) -> tuple[Layout, dict[Part, str]] | None:
    best: tuple[Layout, dict[Part, str]] | None = None
    most = (0, 0)
    plain = {plain_name(name): name for name in (*keys, *filled)}
    for layout in layouts:
        fields: dict[Part, str] = {part: _field(names, filled, keys, plain) for part, names in layout.fields.items()}
        have = [fields[part] for part in layout.needs]
        full = [name in filled or bool(fields_in(name)) for name in have]
        if all(full):
            return layout, fields
        rank = (sum(full), sum(name in keys for name in have))
        if rank > most or (best is None and len(layouts) == 1):
            best, most = (layout, fields), rank
    return best


def _field(names: tuple[str, ...], filled: tuple[str, ...], keys: tuple[str, ...], plain: Mapping[str, str]) -> str:
    """The first name that is filled, as it stands or in another spelling; else the first that is there."""
    spelled = [name if name in keys else plain.get(plain_name(name), name) for name in names]
    there = (name for among in (filled, keys) for name in spelled if name in among)
    return next(there, names[0] if names and fields_in(names[0]) else NO_FIELD)


def _unknown(record: Record, filled: tuple[str, ...]) -> str:
    """What is there, and which option would read it."""
    there = ", ".join(map(str, record)) or "none"
    texts = [name for name in filled if isinstance(record[name], str)]
    lists = [name for name in filled if isinstance(record[name], list)]
    if len(texts) > 1:
        longest = sorted(texts, key=lambda name: len(record[name]))[-2:]
        prompt, response = sorted(longest, key=texts.index)
        example = f"prompt={prompt},response={response}"
    else:
        example = f"messages={lists[0]}" if lists else "prompt=FIELD,response=FIELD"
    return (
        f"no known fields: the record has {there}; say which are prompt and response, as in "
        f"--columns {example} (docs/LAYOUTS.md lists what is read without)"
    )

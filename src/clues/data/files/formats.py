"""What every file format of a data set can do: list its records, and copy some of them, untouched, to a new file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clues.data.rows import Record
from clues.disk.writing import json_line

TEXT = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
COMPRESSED = (".gz", ".zst")
SUFFIXES = (
    *TEXT,
    *(text + packed for text in TEXT for packed in COMPRESSED),
    ".parquet",
    ".arrow",
    ".feather",
    ".xlsx",
)
"""Of the files that clues reads by their names; a file of another name is told by its content. A saved Hugging Face
data set is a folder, and so are shards."""


@dataclass(frozen=True)
class Item:
    """A record where it stands, or why it is none."""

    line: int
    """1-based line of the file where the record begins, or its number in a format without lines."""
    text: str | None
    """As it stands in the file; None where the file is no text."""
    record: Record | None
    problem: str = ""
    """Why `record` is None."""
    note: str = ""
    """What its owner should know of the record although it can be read."""

    @property
    def raw(self) -> str:
        """As it stands in the file; as JSON where the file is no text."""
        return json_line(self.record).decode() if self.text is None else self.text


class DataSet(Protocol):
    """A data set in one format. Opening it reads no record yet."""

    @property
    def suffix(self) -> str:
        """What the name of a copy ends in; empty for a folder."""
        ...

    @property
    def location(self) -> Path | None:
        """The file or folder that holds it; None where it is not ours."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """How it is read, where that is not what everybody expects of the name; complete once the items were read."""
        ...

    def size(self) -> int:
        """About how many items there are, for progress alone."""
        ...

    def items(self) -> Iterator[Item]:
        """Every record in the file's order, the unreadable ones with their problem."""
        ...

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """Write the records at these lines, in this order and the same format, to `out`."""
        ...


def suffix_of(path: str | Path) -> str:
    """The suffix that tells the format, compression included; empty if it is none that clues reads."""
    return max((suffix for suffix in SUFFIXES if Path(path).name.lower().endswith(suffix)), key=len, default="")


def value_item(line: int, value: Any, text: str | None = None, note: str = "") -> Item:
    """An item of a value that should be an object."""
    if isinstance(value, dict):
        return Item(line, text, value, note=note)
    return Item(line, json_line(value).decode() if text is None else text, None, "the record is not an object")

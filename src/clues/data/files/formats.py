"""What every file format of a data set can do: list its records, and copy some of them, untouched, to a new file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clues.data.rows import Record
from clues.disk.writing import json_line

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".json", ".json.gz", ".csv", ".csv.gz", ".parquet")
"""Of the files that clues reads; a saved Hugging Face data set is a folder."""


@dataclass(frozen=True)
class Item:
    """A record where it stands, or why it is none."""

    line: int
    """1-based line of the file where the record begins, or its number in a format without lines."""
    raw: str
    """As it stands in the file; as JSON where the file is no text."""
    record: Record | None
    problem: str = ""
    """Why `record` is None."""


class DataSet(Protocol):
    """A data set in one format. Opening it reads nothing yet."""

    @property
    def suffix(self) -> str:
        """What the name of a copy ends in; empty for a folder."""
        ...

    @property
    def location(self) -> Path | None:
        """The file or folder that holds it; None where it is not ours."""
        ...

    def items(self) -> Iterator[Item]:
        """Every record in the file's order, the unreadable ones with their problem."""
        ...

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """Write the records at these lines, in this order and the same format, to `out`."""
        ...


def suffix_of(path: str | Path) -> str:
    """The suffix that tells the format, `.gz` included; empty if it is none that clues reads."""
    return max((suffix for suffix in SUFFIXES if Path(path).name.lower().endswith(suffix)), key=len, default="")


def object_item(line: int, value: Any) -> Item:
    """An item of a format that has no lines."""
    raw = json_line(value).decode()
    return Item(line, raw, value) if isinstance(value, dict) else Item(line, raw, None, "the record is not an object")

"""Rows back into files, every kept record as its owner wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clues.data.files.formats import DataSet, suffix_of
from clues.data.files.reading import open_data_set
from clues.data.files.saved import STATES
from clues.data.files.shards import Shards
from clues.data.rows import Row
from clues.disk.writing import json_line, replacing
from clues.errors import WritingError


def write_rows(source: str | Path, rows: Sequence[Row], out: str | Path) -> None:
    """Copy the records of `rows` out of the data set they were read from, in its format and order.

    A record is copied as it stands in the source: lines of JSON, elements of a JSON list and records of CSV byte for
    byte, in the file's own encoding and with its byte order mark; unknown fields and types untouched. `out` must end in
    `open_data_set(source).suffix`; a data set of a hub becomes JSON lines. Rows with changed records go through
    `write_jsonl`.

    Raises WritingError if `out` is in the source itself, has another suffix or is a folder of other things, or if the
    source has changed since it was read.
    """
    data_set, out = open_data_set(source), Path(out)
    _check_place(out, data_set, source)
    _check_unchanged(data_set, rows, source)
    with replacing(out) as scratch:
        data_set.copy(sorted({row.line for row in rows}), scratch)


def _check_unchanged(data_set: DataSet, rows: Sequence[Row], source: str | Path) -> None:
    there = {row.line: row for row in rows}
    for item in data_set.items():
        # As JSON, because a NaN is not equal to itself.
        if (row := there.get(item.line)) and json_line(item.record) == json_line(row.record):
            del there[item.line]
    for line in there:
        raise WritingError(f"{source}:{line}: not the record that was read; read the changed file again")


def _check_place(out: Path, data_set: DataSet, source: str | Path) -> None:
    if suffix_of(out) != data_set.suffix:
        raise WritingError(f"{out}: the copy of {source} must end in {data_set.suffix or 'no suffix: it is a folder'}")
    if data_set.location and data_set.location.resolve() in (out.resolve(), *out.resolve().parents):
        raise WritingError(f"{out}: is in the data set itself; write the rows to another place")
    if out.is_dir() and any(out.iterdir()) and not _earlier_copy(out, data_set):
        raise WritingError(f"{out}: a folder with other files, which would be lost; name another one")


def _earlier_copy(folder: Path, data_set: DataSet) -> bool:
    """Whether a folder holds a saved data set, or the very files that a copy of these shards consists of."""
    if isinstance(data_set, Shards):
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == set(data_set.names)
    return any((folder / name).is_file() for name in STATES)

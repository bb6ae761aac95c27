"""A data set as rows: nothing is dropped in silence, what is no row is set aside with its line and the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from clues.data.files.columns import check_columns
from clues.data.files.excel import Excel
from clues.data.files.formats import DataSet, suffix_of
from clues.data.files.records import read_record
from clues.data.files.saved import STATES, HubDataSet, SavedDataSet
from clues.data.files.shards import Shards, shards_in
from clues.data.files.tables import Arrow, Parquet
from clues.data.files.text_files import TextDataSet
from clues.data.remarks import MOST_LINES, Remark
from clues.data.rows import Row, SetAside
from clues.errors import ReadingError, UnusableRecord

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"FEA1": ".feather", b"PK\x03\x04": ".xlsx"}
"""How files that are no text begin."""


class Reading:
    """A data set that is read record by record; how it was read is known at its end."""

    def __init__(self, data_set: DataSet, path: str, columns: Mapping[str, str] | None) -> None:
        self.data_set, self._path, self._columns = data_set, path, columns
        self._noted: dict[str, list[int]] = {}

    def __iter__(self) -> Iterator[Row | SetAside]:
        """Every record, as a row or set aside, in the file's order."""
        for item in self.data_set.items():
            if item.note:
                self._noted.setdefault(item.note, []).append(item.line)
            if item.record is None:
                yield SetAside(self._path, item.line, item.problem, item.raw)
                continue
            try:
                yield read_record(item.record, self._path, item.line, self._columns)
            except UnusableRecord as reason:
                yield SetAside(self._path, item.line, str(reason), item.raw)

    def remarks(self, rows: int) -> tuple[Remark, ...]:
        """How the file was read, where that is not what everybody expects of its name; and odd records of it.

        rows: usable ones, for the count.
        """
        how = ", ".join(self.data_set.notes)
        named = [Remark("file", f"the file is read as {how}", rows, ())] if how else []
        odd = [Remark("file", text, len(lines), tuple(lines[:MOST_LINES])) for text, lines in self._noted.items()]
        return (*named, *odd)


def read_rows(path: str | Path, columns: Mapping[str, str] | None = None) -> tuple[list[Row], list[SetAside]]:
    """The rows of a data set in the file's order, and the records that are none.

    `path` is a file of JSON lines, JSON, CSV or TSV (each also .gz or .zst), Parquet, Arrow, Feather or Excel, the
    folder of a saved Hugging Face data set or of shards, or the name of a set on a hub (`org/name`). A split, a list in
    a JSON file or a sheet is named behind a colon where there are several, `folder:split`. The content decides where
    the name does not. Fields are found record by record (see `records.read_record`), or named by `columns` (see
    `columns.check_columns`).

    Raises ReadingError if the data set cannot be opened as a whole.
    """
    rows: list[Row] = []
    set_aside: list[SetAside] = []
    for found in reading(path, columns):
        if isinstance(found, Row):
            rows.append(found)
        else:
            set_aside.append(found)
    return rows, set_aside


def reading(path: str | Path, columns: Mapping[str, str] | None = None) -> Reading:
    """The same, record by record: for who needs no list of them. Raises ReadingError."""
    if columns is not None:
        check_columns(columns)
    return Reading(open_data_set(path), str(path), columns)


def copy_name(source: str, copy: Path) -> str:
    """What a copy's rows are read by: a list or a sheet that is named behind the source is so behind the copy, too."""
    _, _, part = source.rpartition(":")
    return f"{copy}:{part}" if ":" in source and not Path(source).exists() and copy.is_file() else str(copy)


def open_data_set(path: str | Path) -> DataSet:
    """The data set of that name (see `read_rows`), no record of it read; a copy's name must end in its `suffix`.

    Raises ReadingError if there is no such file or its format is unknown.
    """
    if Path(path).exists():
        return _open_path(Path(path), "")
    name, _, part = str(path).rpartition(":") if ":" in str(path) else (str(path), "", "")
    if name and Path(name).exists():
        return _open_path(Path(name), part)
    if suffix_of(name) or not HUB_NAME.fullmatch(name):
        raise ReadingError(f"{path}: no such file or folder")
    return HubDataSet(name, part)


def _open_path(path: Path, part: str) -> DataSet:
    if not path.is_dir():
        return _open_file(path, part)
    if any((path / name).is_file() for name in STATES):
        return SavedDataSet(path, part)
    return Shards(path, shards_in(path, part), lambda file: _open_file(file, ""))


def _open_file(path: Path, part: str) -> DataSet:
    """By what a file begins with; its name decides among those that begin alike, and where it is damaged."""
    with path.open("rb") as file:
        head = file.read(8)
    suffix = suffix_of(path)
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), suffix)
    if head.startswith(b"\xff\xff\xff\xff") and head[7:] == b"\x00":
        kind = ".arrow"  # a stream
    if kind == ".xlsx":
        return Excel(path, part)
    data_set = _without_parts(path, kind, suffix)
    if data_set is None:
        return TextDataSet(path, part)
    if part:
        raise ReadingError(f"{path}:{part}: the file has no parts; name it without one")
    return data_set


def _without_parts(path: Path, kind: str, suffix: str) -> DataSet | None:
    match kind:
        case ".parquet":
            return Parquet(path)
        case ".arrow" | ".feather":
            return Arrow(path, suffix if suffix in (".arrow", ".feather") else kind)
    return None

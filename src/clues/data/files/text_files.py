"""Data sets in text files: JSON lines, JSON and CSV, told by their content where the name tells less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from clues.data.files.csv_dialect import find_dialect
from clues.data.files.csv_files import Csv
from clues.data.files.formats import Item, suffix_of
from clues.data.files.json_files import Json, holds_records, pandas_columns
from clues.data.files.json_lines import JsonLines, JsonStream, spans_lines
from clues.data.files.json_values import parse
from clues.data.files.text import MARK, TextFile
from clues.errors import ReadingError, UnusableRecord

_LONGEST_OBJECT = 1 << 20
"""Characters within which the first object of a file ends, if it is one over several lines."""
_FIRST_LINES = 50


class TextDataSet:
    """A text file in the format that its content is in. `suffix` is its own, or the format's where it has none."""

    def __init__(self, path: Path, split: str = "") -> None:
        self.path = self.location = path
        self._file, self._split = TextFile(path), split

    @property
    def suffix(self) -> str:
        """See `DataSet`."""
        return self._suffix

    @cached_property
    def _suffix(self) -> str:
        return suffix_of(self.path) or f".{_untold(self._file)}{self._file.packed}"

    @property
    def notes(self) -> list[str]:
        """See `DataSet`."""
        said = [*self._format.notes, *self._file.notes()]
        named, packed = self.path.name.lower(), self._file.packed
        usual = named.removesuffix(packed).endswith(_NAMES[type(self._format)])
        told = [] if usual else [_CALLED[type(self._format)]]
        compressed = [] if not packed or named.endswith(packed) else [f"compressed ({packed[1:]})"]
        # A CSV says its name with its separator.
        told = told if not any(note.startswith("CSV") for note in said) else []
        return [*told, *said, *compressed]

    def size(self) -> int:
        """See `DataSet`."""
        return self._format.size()

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        return self._format.items()

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        self._format.copy(lines, out)

    @cached_property
    def _format(self) -> JsonLines | JsonStream | Json | Csv:
        kind = self.suffix.removesuffix(self._file.packed)
        if kind in (".csv", ".tsv"):
            return Csv(self._file)
        return _json(self._file, self._split, lines=kind != ".json")


_NAMES = {JsonLines: (".jsonl", ".ndjson"), JsonStream: (), Json: (".json",), Csv: (".csv", ".tsv")}
_CALLED = {JsonLines: "JSON lines", JsonStream: "JSON", Json: "one JSON value", Csv: "CSV"}


def _json(file: TextFile, split: str, lines: bool) -> JsonLines | JsonStream | Json:
    """By the first line. `lines`: the name says JSON lines.

    Raises ReadingError for one value that holds no records.
    """
    head = [line for line in islice(file.lines(), _FIRST_LINES) if line.strip(MARK).strip()][:2]
    if not head:
        return JsonLines(file)
    first = head[0].lstrip(MARK).strip()
    try:
        value = parse(first).value
    except UnusableRecord:
        return _over_lines(file, split, lines, first)
    if _holds(value) and (len(head) == 1 or not (lines or isinstance(value, dict))):
        return Json(file, split)
    if not isinstance(value, dict) and len(head) == 1 and not lines:
        raise ReadingError(f'{file.path}: neither a list of objects nor {{"data": [...]}}')
    _refuse_columns(file, value, len(head))
    return JsonLines(file)


def _over_lines(file: TextFile, split: str, lines: bool, first: str) -> JsonLines | JsonStream | Json:
    """The format of a file whose first line is no JSON by itself."""
    if first.startswith("[") or (not lines and not first.startswith("{")):
        whole = _whole(file) if lines else None
        return JsonLines(file) if lines and not _holds(whole) else Json(file, split)
    if not first.startswith("{"):
        return JsonLines(file)
    value = _whole(file)
    if value is not None:
        _refuse_columns(file, value, 1)
        return Json(file, split) if _holds(value) else JsonStream(file)
    head = "".join(islice(file.lines(), _LONGEST_OBJECT // 80))[:_LONGEST_OBJECT]
    if spans_lines(head):
        return JsonStream(file)
    return JsonLines(file) if lines else Json(file, split)


def _whole(file: TextFile) -> object:
    """The file as one JSON value; None where it is none."""
    try:
        return parse(file.content().lstrip(MARK)).value
    except UnusableRecord:
        return None


def _holds(value: object) -> bool:
    """Whether a value is the list of records, or has one in a field."""
    if isinstance(value, list):
        return not value or any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and any(holds_records(name, item) for name, item in value.items())


def _refuse_columns(file: TextFile, value: object, values: int) -> None:
    if values == 1 and pandas_columns(value):
        raise ReadingError(
            f"{file.path}: JSON column by column, as pandas writes it; write records: "
            'to_json(path, orient="records", lines=True)'
        )


def _untold(file: TextFile) -> str:
    """The format of a file whose name does not tell it. Raises ReadingError where the content does not, either."""
    head = [line for line in islice(file.lines(), _FIRST_LINES) if line.strip()]
    first = head[0].lstrip(MARK).lstrip() if head else ""
    if first.startswith(("{", "[")):
        return "jsonl"
    if first and (dialect := find_dialect(head, f"{file.path}:1")).separator in first and not file.undecoded(first):
        return "tsv" if dialect.separator == "\t" else "csv"
    raise ReadingError(
        f"{file.path}: unknown format; its name must end in .jsonl, .ndjson, .json, .csv or .tsv (each also .gz or "
        ".zst), .parquet, .arrow, .feather or .xlsx"
    )

"""CSV: values under a header, separated by commas, semicolons, tabs or bars, as the file has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from clues.data.files.csv_dialect import SIGNS, Dialect, find_dialect
from clues.data.files.csv_lines import CsvLines, CsvRecord
from clues.data.files.formats import Item
from clues.data.files.text import MARK, TextFile, shown
from clues.errors import ReadingError

_HEAD = 50
"""Lines that tell the separator where the header alone does not."""


class Csv:
    """A record may span lines; an item's line is the first of them."""

    def __init__(self, file: TextFile) -> None:
        self._file = file

    def size(self) -> int:
        """See `DataSet`."""
        return self._file.encoding.breaks + 1

    @property
    def notes(self) -> list[str]:
        """See `DataSet`."""
        separator = self._dialect.separator
        usual = "\t" if self._file.path.name.lower().removesuffix(self._file.packed).endswith(".tsv") else ","
        return [] if separator == usual else [f"CSV with {SIGNS.get(separator, separator)}"]

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        names: list[str] | None = None
        lines = self._lines()
        for record in lines.records():
            if names is None:
                names = self._names(record)
                lines.width = len(names)
                continue
            problem = record.problem or self._file.undecoded(record.raw)
            problem = problem or _unfit(record.cells, names)
            values = None if problem else dict(zip(names, record.cells, strict=False))
            yield Item(record.line, shown(record.raw), values, problem)
        if names is None:
            raise ReadingError(f"{self._file.path}:1: the file is empty: a header is needed")

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        kept = set(lines)
        self._file.write(self._kept(kept), out)

    def _kept(self, kept: set[int]) -> Iterator[str]:
        if self._dialect.named:
            yield next(self._file.lines(""))
        lines, header = self._lines(), True
        for record in lines.records():
            if header:
                lines.width, header = len(self._names(record)), False
                yield record.raw
            elif record.line in kept:
                yield record.raw

    @cached_property
    def _dialect(self) -> Dialect:
        head = [line for line in islice(self._file.lines(""), _HEAD) if line.strip()]
        return find_dialect(head, f"{self._file.path}:1")

    def _lines(self) -> CsvLines:
        lines = CsvLines(self._file.lines(""), self._dialect.separator)
        if self._dialect.named:
            lines.skip()
        return lines

    def _names(self, header: CsvRecord) -> list[str]:
        """The columns' names, without blanks around them and without nameless columns at the right."""
        names = [cell.strip() for cell in header.cells]
        while len(names) > 1 and not names[-1]:
            names.pop()
        twice = sorted({name for name in names if names.count(name) > 1})
        refusal = header.problem or (f"two columns are named {twice[0]!r}" if twice else "")
        if refusal := refusal or self._file.undecoded(header.raw):
            raise ReadingError(f"{self._file.path}:{header.line}: {refusal}")
        return names


def _unfit(cells: Sequence[str], names: Sequence[str]) -> str:
    """Why the cells are no record under these names; empty cells at the right say nothing."""
    if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
        return f"{len(cells)} cells where the header has {len(names)}"
    if [cell.removeprefix(MARK).strip() for cell in cells[: len(names)]] == list(names):
        return "the header again: files were joined here"
    return ""

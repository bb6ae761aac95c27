"""The records of a CSV file, line by line: a stray quotation mark costs its own line, and swallows no other.

A quoted cell may hold line breaks, so a quotation mark too many can take the lines after it into one cell. Where a
record cannot be read, its first line alone is set aside, and reading goes on with the next. Where a record can be read
whose inner lines all read as records themselves, there are two readings: all its lines are set aside.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from clues.data.files.csv_dialect import LONGEST, cells_of

FEW, MANY = 2, 8
"""Inner lines that read as records from which on a quoted cell is not believed: where no separator is followed by a
space, as it is in prose, and where some are."""
LONGEST_RECORD, LONGEST_AFTER_FAULT = 20_000, 1_000
"""Lines that a record may take, and may take once a quotation mark was left open: else each would read the whole file
again."""


@dataclass(frozen=True)
class CsvRecord:
    """A record of the file, or one line of it that is none."""

    line: int
    """1-based, of its first line."""
    raw: str
    cells: list[str]
    problem: str = ""


class CsvLines:
    """Reads records; `width` is the header's number of cells once it is known."""

    def __init__(self, lines: Iterator[str], separator: str) -> None:
        self._rest, self._held = lines, deque[str]()
        self._separator, self._limit = separator, LONGEST_RECORD
        csv.field_size_limit(LONGEST)
        self._line = 0
        self._fault = 0
        """Line of a quotation mark that was not closed, until a line reads again."""
        self.width = 0

    def skip(self) -> None:
        """Leave a line out."""
        self._take()

    def records(self) -> Iterator[CsvRecord]:
        """All that are no blank lines."""
        while (first := self._take()) is not None:
            yield from self._from(first)

    def _from(self, first: str) -> Iterator[CsvRecord]:
        line, taken, problem, cells = self._line, [first], "", []
        try:
            cells = self._cells(first, taken)
        except csv.Error as error:
            problem = f"not CSV: {error} ({_hint(first)})"
        if problem:
            self._give_back(taken[1:])
            self._fault, self._limit = line, LONGEST_AFTER_FAULT if len(taken) > 1 else self._limit
            yield CsvRecord(line, first, [], problem)
        elif self._fault and first.count('"') % 2:
            self._give_back(taken[1:])
            yield CsvRecord(line, first, [], f"a stray quotation mark, after the one on line {self._fault}")
        elif self._swallowed(taken):
            yield from _two_readings(line, taken)
        elif cells:
            self._fault = 0
            yield CsvRecord(line, "".join(taken), cells)

    def _cells(self, first: str, taken: list[str]) -> list[str]:
        """The cells of the record that begins with this line; the lines it goes on over are added to `taken`."""
        if '"' not in first:
            plain = first.rstrip("\r\n")
            return plain.split(self._separator) if plain else []
        if first.count('"') % 2 == 0:
            try:
                return cells_of([first], self._separator)
            except csv.Error as error:
                if "unexpected end" not in str(error):
                    raise

        def lines() -> Iterator[str]:
            yield first
            while len(taken) < self._limit and (line := self._take()) is not None:
                taken.append(line)
                yield line

        reader = csv.reader(lines(), delimiter=self._separator, strict=True)
        return next(reader, [])

    def _swallowed(self, taken: list[str]) -> bool:
        """Whether all lines of a record read as records themselves."""
        inner = [line for line in taken[1:-1] if line.strip()]
        if len(inner) < FEW or self.width < 2:
            return False
        bare = [line.rstrip("\r\n") for line in (taken[0], *inner, taken[-1])]
        if any(line.count(self._separator) != self.width - 1 for line in bare):
            return False
        return len(inner) >= MANY or not any(self._separator + " " in line for line in bare)

    def _take(self) -> str | None:
        line = self._held.popleft() if self._held else next(self._rest, None)
        self._line += line is not None
        return line

    def _give_back(self, lines: list[str]) -> None:
        self._held.extendleft(reversed(lines))
        self._line -= len(lines)


def _two_readings(line: int, taken: list[str]) -> Iterator[CsvRecord]:
    last = line + len(taken) - 1
    why = (
        f"a quotation mark of line {line} is closed on line {last}, and the lines between read as records themselves: "
        "one record or many? Double the mark or take it out"
    )
    yield from (CsvRecord(n, text, [], why) for n, text in enumerate(taken, start=line) if text.strip())


def _hint(line: str) -> str:
    if '\\"' in line:
        return 'quotation marks within a cell must be doubled, "", not written \\"'
    return "is a quotation mark left open or not doubled?"

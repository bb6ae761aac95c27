"""JSON lines: one object a line. Where a record spans lines, as a pretty-printed one does, it is read all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from clues.data.files.formats import Item, value_item
from clues.data.files.json_values import parse, value_at
from clues.data.files.text import MARK, TextFile, shown
from clues.errors import UnusableRecord


class JsonLines:
    """One JSON object a line. Blank lines are no records, but they count as lines."""

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        return self._file.encoding.breaks + 1

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        for number, line in enumerate(self._file.lines(), start=1):
            if line.strip():
                yield self._item(number, line)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        kept = set(lines)
        self._file.write((line for n, line in enumerate(self._file.lines(), start=1) if n in kept), out)

    def _item(self, number: int, line: str) -> Item:
        if problem := self._file.undecoded(line):
            return Item(number, shown(line), None, problem)
        text = line.rstrip("\r\n")
        try:
            span = parse(text.removeprefix(MARK))
            return value_item(number, span.value, text, span.note)
        except UnusableRecord as reason:
            return Item(number, text, None, str(reason))


class JsonStream:
    """Objects one after another, each over several lines; an item's line is its first.

    An object that cannot be read ends where a line begins with `{`: those lines are one record, set aside.
    """

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self.notes = ["objects over several lines"]

    def size(self) -> int:
        """See `DataSet`."""
        return self._file.encoding.breaks + 1

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        for line, text in self._pieces():
            if problem := self._file.undecoded(text):
                yield Item(line, shown(text), None, problem)
                continue
            try:
                span = parse(text.removeprefix(MARK))
                yield value_item(line, span.value, text.strip(), span.note)
            except UnusableRecord as reason:
                yield Item(line, text.strip(), None, f"{reason} of the object that begins here")

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        kept = set(lines)
        self._file.write((text for line, text in self._pieces() if line in kept), out)

    def _pieces(self) -> Iterator[tuple[int, str]]:
        """First line and text of every object, with the white space after it."""
        first, held = 1, ""
        for number, line in enumerate(self._file.lines(), start=1):
            if line.removeprefix(MARK).startswith("{") and held.strip():
                yield first, held
                first, held = number, ""
            first = first if held.strip() else number
            held += line
        if held.strip():
            yield first, held


def spans_lines(text: str) -> bool:
    """Whether the first value of a text is an object that is not on one line."""
    first = text.lstrip(MARK).lstrip()
    try:
        span = value_at(first, 0)
    except ValueError:
        return False
    return isinstance(span.value, dict) and "\n" in first[: span.end]

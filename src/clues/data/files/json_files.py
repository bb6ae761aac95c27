"""JSON: a list of objects, or an object with such a list in it. Kept records are copied as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from clues.data.files.formats import Item, value_item
from clues.data.files.json_values import Span, elements, members, skip
from clues.data.files.text import MARK, TextFile
from clues.errors import ReadingError

HOLDERS = ("data", "train", "test", "validation", "valid", "dev", "eval", "rows", "records", "examples", "samples")
"""Fields that hold the records of a whole file; a list in another field is a record's own."""


class Json:
    """A list of objects, alone or in a field of `HOLDERS`. An item's line is the record's number."""

    def __init__(self, file: TextFile, split: str = "") -> None:
        self._file, self._split = file, split
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        return self._file.encoding.breaks + 1

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        text = self._text()
        for number, span in enumerate(self._spans(text), start=1):
            yield value_item(number, span.value, text[span.start : span.end], span.note)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        text = self._text()
        spans = list(self._spans(text))
        if not spans:
            return self._file.write([text], out)
        kept = [spans[line - 1] for line in lines]
        # What stands before an element in the file stands before it in the copy; the first has the first one's.
        gaps = {b.start: text[a.end : b.start] for a, b in pairwise(spans)}
        parts = [("" if n == 0 else gaps[span.start]) + text[span.start : span.end] for n, span in enumerate(kept)]
        return self._file.write([text[: spans[0].start], *parts, text[spans[-1].end :]], out)

    def _text(self) -> str:
        text = self._file.content()
        if problem := self._file.undecoded(text):
            raise ReadingError(f"{self._file.path}: not JSON in UTF-8: {problem.replace('line', 'file')}")
        return text

    def _spans(self, text: str) -> Iterator[Span]:
        try:
            start = self._start(text)
            end = start
            for span in elements(text, start):
                yield span
                end = span.end
            self._finish(text, start, end)
        except json.JSONDecodeError as error:
            raise ReadingError(f"{self._file.path}:{error.lineno}: not JSON: {error.msg}") from error
        except ValueError as error:
            raise ReadingError(f"{self._file.path}: not JSON that can be read: {error}") from error

    def _start(self, text: str) -> int:
        """Where the list of records begins."""
        start = skip(text, len(text) - len(text.lstrip(MARK)))
        if text[start : start + 1] == "[":
            return start
        lists = {name: span for name, span in members(text, start) if holds_records(name, span.value)}
        name = self._split or (next(iter(lists)) if len(lists) == 1 else "")
        if name not in lists:
            path, names = self._file.path, ", ".join(lists)
            asked = f"no list {name!r}; " if name else ""
            raise ReadingError(f"{path}: {asked}it holds the lists {names}; name one, as in {path}:{next(iter(lists))}")
        self.notes = [f"the list under {name!r}"]
        return lists[name].start

    @staticmethod
    def _finish(text: str, start: int, end: int) -> None:
        """What stands after the list must be JSON, too: nothing may follow a list that stands alone."""
        after = skip(text, text.index("]", end if end > start else start) + 1)
        if text[skip(text, 0) :].lstrip(MARK).startswith("[") and after < len(text):
            raise json.JSONDecodeError("Extra data", text, after)


def holds_records(name: str, value: Any) -> bool:
    """Whether a field of a file's one object is the list of its records."""
    return name in HOLDERS and isinstance(value, list) and all(isinstance(item, dict) for item in value[:1])


def pandas_columns(value: Any) -> bool:
    """Whether an object is what pandas writes column by column, `{"prompt": {"0": ...}}`."""
    columns = list(value.values()) if isinstance(value, dict) else []
    return bool(columns) and all(isinstance(column, dict) and "0" in column for column in columns)

"""Data sets in text files, gzipped or not: JSON lines, JSON and CSV. Lines that are kept stay byte for byte."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clues.data.files.formats import Item, object_item, suffix_of
from clues.errors import ReadingError

BOM = b"\xef\xbb\xbf"
"""Some programs begin a UTF-8 file with it."""


class TextFile:
    """The bytes of a file behind its compression."""

    def __init__(self, path: Path) -> None:
        self.path = self.location = path
        self.suffix = suffix_of(path)

    def content(self) -> bytes:
        """All bytes without the byte order mark. Raises ReadingError if they cannot be had."""
        try:
            content = self.path.read_bytes()
            content = gzip.decompress(content) if self.suffix.endswith(".gz") else content
        except (OSError, EOFError, zlib.error) as error:
            raise ReadingError(f"{self.path}: cannot be read: {error}") from error
        return content.removeprefix(BOM)

    def write(self, content: bytes, out: Path) -> None:
        """Write bytes in the same compression; the same bytes give the same file."""
        out.write_bytes(gzip.compress(content, mtime=0) if self.suffix.endswith(".gz") else content)


class JsonLines(TextFile):
    """One JSON object a line. Blank lines are no records, but they count as lines."""

    def items(self) -> Iterator[Item]:
        for line, content in enumerate(self._lines(), start=1):
            if content.strip():
                yield _parse(line, content.rstrip(b"\r\n"))

    def copy(self, lines: Sequence[int], out: Path) -> None:
        content = self._lines()
        self.write(b"".join(content[line - 1] for line in lines), out)

    def _lines(self) -> list[bytes]:
        return io.BytesIO(self.content()).readlines()  # unlike splitlines, it breaks at b"\n" alone


def _parse(line: int, content: bytes) -> Item:
    raw = content.decode("utf-8", "backslashreplace")
    try:
        record = json.loads(content.decode())
    except UnicodeDecodeError as error:
        return Item(line, raw, None, f"not UTF-8 at byte {error.start + 1} of the line")
    except json.JSONDecodeError as error:
        return Item(line, raw, None, f"not JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        return Item(line, raw, None, f"not JSON that can be read: {error}")
    return Item(line, raw, record) if isinstance(record, dict) else Item(line, raw, None, "the record is not an object")


class Json(TextFile):
    """A list of objects, or an object with such a list under `data`. An item's line is the record's number."""

    def items(self) -> Iterator[Item]:
        for number, value in enumerate(self._parsed()[1], start=1):
            yield object_item(number, value)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        whole, records = self._parsed()
        kept = [records[line - 1] for line in lines]
        indent = 2 if b"\n" in self.content().strip() else None
        text = json.dumps(kept if whole is records else whole | {"data": kept}, ensure_ascii=False, indent=indent)
        self.write(f"{text}\n".encode("utf-8", "backslashreplace"), out)

    def _parsed(self) -> tuple[Any, list[Any]]:
        """The whole value and the list of records in it."""
        try:
            whole = json.loads(self.content().decode())
        except json.JSONDecodeError as error:
            hint = "; if every line is a record, name the file .jsonl" if error.msg == "Extra data" else ""
            raise ReadingError(f"{self.path}:{error.lineno}: not JSON: {error.msg}{hint}") from error
        except (ValueError, RecursionError) as error:
            raise ReadingError(f"{self.path}: not JSON in UTF-8: {error}") from error
        records = whole.get("data") if isinstance(whole, dict) else whole
        if not isinstance(records, list):
            raise ReadingError(f'{self.path}: neither a list of objects nor {{"data": [...]}}')
        return whole, records


@dataclass(frozen=True)
class _CsvRecord:
    line: int
    raw: str
    cells: list[str]
    problem: str


class Csv(TextFile):
    """Comma-separated values under a header. A record may span lines; an item's line is the first of them."""

    def items(self) -> Iterator[Item]:
        header, *records = self._records() or [_CsvRecord(1, "", [], "the file is empty: a header is needed")]
        repeated = sorted({name for name in header.cells if header.cells.count(name) > 1})
        refusal = header.problem or (f"two columns are named {repeated[0]!r}" if repeated else "")
        if refusal:
            raise ReadingError(f"{self.path}:{header.line}: {refusal}")
        for record in records:
            problem = record.problem
            if not problem and len(record.cells) != len(header.cells):
                problem = f"{len(record.cells)} cells where the header has {len(header.cells)}"
            values = None if problem else dict(zip(header.cells, record.cells, strict=True))
            yield Item(record.line, record.raw.rstrip("\r\n"), values, problem)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        header, *records = self._records()
        raw = {record.line: record.raw for record in records}
        text = "".join([header.raw, *(raw[line] for line in lines)])
        self.write(text.encode("utf-8", "surrogateescape"), out)

    def _records(self) -> list[_CsvRecord]:
        """The header and the records, blank lines left out."""
        csv.field_size_limit(2**31 - 1)  # the default, 131,072 characters, is less than a long document
        lines = [line.decode("utf-8", "surrogateescape") for line in self.content().splitlines(keepends=True)]
        reader = csv.reader(iter(lines), strict=True)
        records = []
        while reader.line_num < len(lines):
            start, cells, problem = reader.line_num, [], ""
            try:
                cells = next(reader)
            except csv.Error as error:
                problem = f"not CSV: {error} (is a quotation mark left open or not doubled?)"
            raw = "".join(lines[start : reader.line_num])
            if any("\udc80" <= character <= "\udcff" for character in raw):
                problem = "not UTF-8; save the file as UTF-8"
            if cells or problem:
                records.append(_CsvRecord(start + 1, raw, cells, problem))
        return records

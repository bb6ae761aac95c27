"""Which encoding a text file is in: a byte order mark, UTF-8, or what two detectors read alike; never a guess."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_CHUNK = 1 << 20
_SAMPLE = 1 << 15
"""Bytes of lines beyond ASCII that the detectors are shown."""
_SURE = 0.9
"""chardet's confidence from which on it need not know the language."""


@dataclass(frozen=True)
class TextEncoding:
    """How bytes are text."""

    name: str
    mark: bytes
    """The byte order mark that the file begins with."""
    clean: bool
    """Every byte can be decoded; else bytes that cannot are lone surrogates, and those lines are set aside."""
    breaks: int
    """Line breaks in the file."""
    cr: bool
    """Lines end in carriage returns alone, as on old Macs."""


def find_encoding(stream: IO[bytes], again: Iterable[bytes]) -> TextEncoding:
    """Read a file once, and where it is no Unicode its lines (`again`) once more.

    Raises UnicodeDecodeError where it begins as UTF-16 or UTF-32 but does not go on so.
    """
    head = stream.read(_CHUNK)
    mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
    name = _MARKS.get(mark) or _without_mark(head)
    decoder = codecs.getincrementaldecoder(name)()
    clean, lf, cr = True, 0, 0
    for chunk in _chunks(head[len(mark) :], stream):
        lf, cr = lf + chunk.count(b"\n"), cr + chunk.count(b"\r")
        try:
            if clean:
                decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            if name != "utf-8":
                raise
            clean = False
    if not clean and not mark:
        name = _legacy(again) or name
    return TextEncoding(name, mark, clean, max(lf, cr), not lf and cr > 0)


def _chunks(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """All bytes, and nothing at the end."""
    yield head
    while chunk := stream.read(_CHUNK):
        yield chunk
    if head:
        yield b""


def _without_mark(head: bytes) -> str:
    """UTF-16 without a mark has a zero in every second byte of plain text."""
    even, odd = head[0:4096:2], head[1:4096:2]
    if len(odd) > 3 and odd.count(0) > 0.6 * len(odd) and not even.count(0):
        return "utf-16-le"
    return "utf-16-be" if len(odd) > 3 and even.count(0) > 0.6 * len(even) and not odd.count(0) else "utf-8"


def _legacy(lines: Iterable[bytes]) -> str:
    """An encoding from before Unicode; empty where some lines are UTF-8 after all, or the detectors do not agree."""
    sample = b""
    for line in lines:
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            sample += line if len(sample) < _SAMPLE else b""
        else:
            return ""  # two encodings in one file: what is UTF-8 is read, the other lines are set aside
    return _agreed(sample[: 2 * _SAMPLE])


def _agreed(sample: bytes) -> str:
    """The encoding in which chardet and charset-normalizer read the same text; empty where there are two readings."""
    import chardet
    from charset_normalizer import from_bytes

    first, second = chardet.detect(sample), from_bytes(sample).best()
    name = first["encoding"]
    if not name or second is None or not (second.coherence or first["confidence"] >= _SURE):
        return ""
    try:
        same = sample.decode(name) == str(second)
    except (UnicodeDecodeError, LookupError):
        return ""
    return codecs.lookup(name).name if same else ""

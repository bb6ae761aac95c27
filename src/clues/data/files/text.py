"""A text file as lines, whatever its compression, encoding and line ends; lines are written again byte for byte."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

from clues.data.files.compression import compression_of, unpacked, write_packed
from clues.data.files.encodings import TextEncoding, find_encoding
from clues.errors import ReadingError

MARK = "\ufeff"
"""The byte order mark as a character: the beginning of a file that was joined to another."""
_UNDECODED = re.compile("[\udc80-\udcff]")


class TextFile:
    """The lines of a file. Bytes that are no text are lone surrogates in them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def packed(self) -> str:
        """Its compression, `.gz` or `.zst`, or nothing."""
        return compression_of(self.path)

    @cached_property
    def encoding(self) -> TextEncoding:
        """Found by reading the file once. Raises ReadingError where there is none."""
        try:
            with unpacked(self.path) as stream, unpacked(self.path) as again:
                return find_encoding(stream, again)
        except UnicodeDecodeError as error:
            raise ReadingError(
                f"{self.path}: begins as {error.encoding.upper()} but does not go on so; save the file as UTF-8"
            ) from error

    def notes(self) -> list[str]:
        """What is unusual about its bytes, in words."""
        encoding = self.encoding
        named = [] if encoding.name == "utf-8" else [encoding.name]
        return [*named, *(["line ends CR"] if encoding.cr else [])]

    def lines(self, newline: str = "\n") -> Iterator[str]:
        """Every line with its end. `newline`: what ends one, as `open` has it; CR where the file has nothing else."""
        encoding = self.encoding
        newline = "\r" if encoding.cr and newline else newline
        with unpacked(self.path) as stream:
            stream.read(len(encoding.mark))
            with io.TextIOWrapper(stream, encoding.name, "surrogateescape", newline) as text:
                yield from text

    def content(self) -> str:
        """The whole text, line ends as they are."""
        return "".join(self.lines(""))

    def write(self, parts: Iterable[str], out: Path) -> None:
        """Write text in the same encoding and compression.

        Where it could not be told from the written part alone which encoding it is in, that is UTF-8.
        """
        encoding = self.encoding
        if encoding.name.startswith("utf"):
            return self._write(parts, out, encoding.name, encoding.mark)
        held = list(parts)
        self._write(held, out, encoding.name)
        if TextFile(out).encoding.name != encoding.name:
            self._write(held, out, "utf-8")
        return None

    def _write(self, parts: Iterable[str], out: Path, encoding: str, mark: bytes = b"") -> None:
        content = (part.encode(encoding, "surrogateescape") for part in parts)
        write_packed(chain([mark] if mark else [], content), out, self.packed)

    def undecoded(self, text: str) -> str:
        """Why a piece of the file is no text; empty if it is."""
        if self.encoding.clean or not (found := _UNDECODED.search(text)):
            return ""
        name = self.encoding.name.upper()
        at = len(text[: found.start()].encode(self.encoding.name, "surrogateescape")) + 1
        return f"not {name} at byte {at} of the line; save the file as UTF-8"


def shown(text: str) -> str:
    """A piece of a file as it is reported, without its line end; bytes that are no text as their escapes."""
    plain = text.rstrip("\r\n")
    return plain if plain.isascii() else plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

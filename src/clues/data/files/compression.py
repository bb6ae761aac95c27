"""The bytes of a file behind its compression, gzip or zstandard; told by the content, whatever the name says."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from clues.data.files.formats import COMPRESSED
from clues.errors import ReadingError

_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}


def compression_of(path: Path) -> str:
    """`.gz`, `.zst` or nothing. A name that promises one is believed, so that another content is an error there."""
    with path.open("rb") as file:
        head = file.read(4)
    found = next((packed for magic, packed in _MAGIC.items() if head.startswith(magic)), "")
    return found or next((packed for packed in COMPRESSED if path.name.lower().endswith(packed)), "")


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes as they are read. Raises ReadingError if they cannot be had, also in the midst of the block."""
    import pyarrow as pa

    try:
        packed = compression_of(path)
        with _opened(path, packed) as stream:
            yield stream
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise ReadingError(f"{path}: cannot be read: {error}") from error


def _opened(path: Path, packed: str) -> IO[bytes]:
    import pyarrow as pa

    if packed == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return pa.input_stream(str(path), compression="zstd") if packed == ".zst" else path.open("rb")


def write_packed(parts: Iterable[bytes], out: Path, packed: str) -> None:
    """Write bytes in a compression; the same bytes give the same file."""
    import pyarrow as pa

    if packed == ".zst":
        with pa.output_stream(str(out), compression="zstd") as stream:
            for part in parts:
                stream.write(part)
    elif packed == ".gz":
        with out.open("wb") as plain, gzip.GzipFile("", "wb", fileobj=plain, mtime=0) as stream:
            stream.writelines(parts)
    else:
        with out.open("wb") as plain:
            plain.writelines(parts)

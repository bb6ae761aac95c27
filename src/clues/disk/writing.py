"""Every file appears whole or not at all: it is written under another name beside its own, and then renamed."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from clues import SCHEMA_VERSION

if TYPE_CHECKING:
    from pyarrow import Table

UNFINISHED = ".*.part"
"""Names of files that are being written, or that a killed process was writing."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write a file or folder under; it takes its place only if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield scratch
        if path.is_dir():  # a folder with something in it cannot be replaced in one step
            shutil.rmtree(path)
        os.replace(scratch, path)
    finally:
        _remove(scratch)


@contextmanager
def adding_to(folder: Path) -> Iterator[Path]:
    """A folder to write files in: they take their places in `folder` if the block succeeds, and what is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".files.{os.getpid()}.part"
    _remove(scratch)
    scratch.mkdir()
    try:
        yield scratch
        for file in sorted(scratch.iterdir()):
            os.replace(file, folder / file.name)
    finally:
        _remove(scratch)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process was writing in this folder or below. Only for who has the folder to himself."""
    for scratch in list(folder.rglob(UNFINISHED)):
        _remove(scratch)


def _remove(scratch: Path) -> None:
    if scratch.is_dir():
        shutil.rmtree(scratch)
    scratch.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """A text in UTF-8; a lone surrogate is written as its escape."""
    with replacing(path) as scratch:
        scratch.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """One JSON object with clues' `schema_version`, readable by a person."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **content}, indent=1, ensure_ascii=False)
    write_text(text + "\n", path)


def write_jsonl(records: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Any records as JSON lines in UTF-8."""
    with replacing(path) as scratch, scratch.open("wb") as file:
        file.writelines(json_line(record) + b"\n" for record in records)


def json_line(record: Any) -> bytes:
    """A record as one line of JSON in UTF-8, without the line break; what JSON does not know, numbers that are not
    finite among it, becomes its text."""
    try:
        text = json.dumps(record, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(record), ensure_ascii=False, default=str, allow_nan=False)
    # UTF-8 lacks nothing but lone surrogates, and Python's backslash escape of those is JSON's too.
    return text.encode("utf-8", "backslashreplace")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def write_toml(content: Mapping[str, Any], path: Path) -> None:
    """A TOML document."""
    write_text(tomli_w.dumps(content), path)


def write_table(table: Table, path: Path) -> None:
    """A table as Parquet, its metadata included."""
    import pyarrow.parquet

    with replacing(path) as scratch:
        pyarrow.parquet.write_table(table, scratch)


def copy_file(source: Path, path: Path) -> None:
    """Another file, byte for byte."""
    with replacing(path) as scratch:
        shutil.copyfile(source, scratch)

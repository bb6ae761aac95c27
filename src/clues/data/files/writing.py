"""Rows back into files: whole or not at all, and every kept record as its owner wrote it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clues.config import SCHEMA_VERSION
from clues.data.files.formats import DataSet, json_line, suffix_of
from clues.data.files.reading import open_data_set
from clues.data.rows import Row, SetAside
from clues.errors import WritingError


def write_rows(source: str | Path, rows: Sequence[Row], out: str | Path) -> None:
    """Copy the records of `rows` out of the data set they were read from, in its format and order.

    A record is copied as it stands in the source: lines of JSON and CSV byte for byte, unknown fields and types
    untouched. `out` must end in `open_data_set(source).suffix`; a data set of a hub becomes JSON lines. Rows with
    changed records go through `write_jsonl`.

    Raises WritingError if `out` is in the source itself, has another suffix or is a folder of other things, or if the
    source has changed since it was read.
    """
    data_set, out = open_data_set(source), Path(out)
    _check_place(out, data_set, source)
    found = {item.line: item.record for item in data_set.items()}
    for row in rows:
        # As JSON, because a NaN is not equal to itself.
        if json_line(found.get(row.line)) != json_line(row.record):
            raise WritingError(f"{source}:{row.line}: not the record that was read; read the changed file again")
    with replacing(out) as scratch:
        data_set.copy(sorted({row.line for row in rows}), scratch)


def _check_place(out: Path, data_set: DataSet, source: str | Path) -> None:
    if suffix_of(out) != data_set.suffix:
        raise WritingError(f"{out}: the copy of {source} must end in {data_set.suffix or 'no suffix: it is a folder'}")
    if data_set.location and data_set.location.resolve() in (out.resolve(), *out.resolve().parents):
        raise WritingError(f"{out}: is in the data set itself; write the rows to another place")
    if out.is_dir() and any(out.iterdir()) and not (out / "state.json").is_file():
        raise WritingError(f"{out}: a folder with other files, which would be lost; name another one")


def write_set_aside(items: Iterable[SetAside], path: str | Path) -> None:
    """Records that are no rows, as JSON lines with `file`, `line`, `reason` and `raw`."""
    write_jsonl((dataclasses.asdict(item) for item in items), path)


def write_jsonl(records: Iterable[Mapping[str, Any]], path: str | Path) -> None:
    """Any records as JSON lines in UTF-8."""
    with replacing(Path(path)) as scratch, scratch.open("wb") as file:
        file.writelines(json_line(record) + b"\n" for record in records)


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
        if scratch.is_dir():
            shutil.rmtree(scratch)
        scratch.unlink(missing_ok=True)


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """One JSON object with clues' `schema_version`, readable by a person."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **content}, indent=1, ensure_ascii=False)
    with replacing(Path(path)) as scratch:
        scratch.write_text(text + "\n", encoding="utf-8")

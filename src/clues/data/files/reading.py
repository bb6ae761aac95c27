"""A data set as rows: nothing is dropped in silence, what is no row is set aside with its line and the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from clues.data.files.formats import SUFFIXES, DataSet, suffix_of
from clues.data.files.records import conversation
from clues.data.files.tables import HubDataSet, Parquet, SavedDataSet
from clues.data.files.text_files import Csv, Json, JsonLines
from clues.data.rows import Row, SetAside
from clues.errors import ReadingError, UnusableRecord

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def read_rows(path: str | Path, columns: Mapping[str, str] | None = None) -> tuple[list[Row], list[SetAside]]:
    """The rows of a data set in the file's order, and the records that are none.

    `path` is a file of JSON lines, JSON or CSV (each also gzipped) or Parquet, the folder of a saved Hugging Face data
    set (`folder:split` if it has several), or the name of one on a hub (`org/name` or `org/name:split`). Fields are
    found record by record (see `records.conversation`), or named by `columns`, `{"prompt": ..., "response": ...}`.

    Raises ReadingError if the data set cannot be opened as a whole.
    """
    if columns is not None and set(columns) != {"prompt", "response"}:
        raise ReadingError(f"columns name {', '.join(columns) or 'nothing'}; they must name prompt and response")
    rows: list[Row] = []
    set_aside: list[SetAside] = []
    for item in open_data_set(path).items():
        if item.record is None:
            set_aside.append(SetAside(str(path), item.line, item.problem, item.raw))
            continue
        try:
            rows.append(Row(conversation(item.record, columns), str(path), item.line, item.record))
        except UnusableRecord as reason:
            set_aside.append(SetAside(str(path), item.line, str(reason), item.raw))
    return rows, set_aside


def open_data_set(path: str | Path) -> DataSet:
    """The data set of that name (see `read_rows`), not yet read; its `suffix` is what a copy's name must end in.

    Raises ReadingError if there is no such file or its format is unknown.
    """
    if Path(path).is_file():
        return _open_file(Path(path))
    if Path(path).is_dir():
        return SavedDataSet(Path(path), "")
    name, _, split = str(path).rpartition(":") if ":" in str(path) else (str(path), "", "")
    if Path(name).is_dir():
        return SavedDataSet(Path(name), split)
    if suffix_of(name) or not HUB_NAME.fullmatch(name):
        raise ReadingError(f"{path}: no such file or folder")
    return HubDataSet(name, split)


def _open_file(path: Path) -> DataSet:
    match suffix_of(path).removesuffix(".gz"):
        case ".jsonl" | ".ndjson":
            return JsonLines(path)
        case ".json":
            return Json(path)
        case ".csv":
            return Csv(path)
        case ".parquet":
            return Parquet(path)
    raise ReadingError(f"{path}: unknown format; its name must end in {', '.join(SUFFIXES)}")

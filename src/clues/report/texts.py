"""The texts of an owner's rows by their ids, from the kept and the dropped rows that stand in his folder."""

from __future__ import annotations

from collections.abc import Mapping

from clues.data.files.reading import copy_name, read_rows
from clues.data.files.records import read_record
from clues.data.rows import Row
from clues.errors import ReportError
from clues.folders.owner import OwnerFolder
from clues.folders.scores import Scores


def read_texts(folder: OwnerFolder, scores: Scores, source: str, columns: Mapping[str, str] | None) -> dict[str, Row]:
    """Row id -> row. Raises ReportError when they are not the rows that were scored."""
    kept_ids, dropped_ids = scores["id"][scores.keep], set(scores["id"][~scores.keep])
    rows = read_rows(copy_name(source, folder.kept_file()), columns)[0]
    if [row.content_hash for row in rows] != scores["hash"][scores.keep].tolist():
        raise ReportError(f"{folder.path}: the kept file and scores.parquet hold different rows; select again")
    dropped = {row.id: row for row in folder.dropped.read()}
    if set(dropped) != dropped_ids:
        raise ReportError(f"{folder.path}: dropped.jsonl and scores.parquet name different rows; select again")
    texts = dict(zip(kept_ids.tolist(), rows, strict=True))
    for name, row in dropped.items():
        texts[name] = read_record(row.record, "dropped.jsonl", row.line, columns)
    return texts

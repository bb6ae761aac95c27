"""scores.parquet: what is known about every record of an owner's file. It stays with the owner."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clues import SCHEMA_VERSION
from clues.data.files.reading import read_rows
from clues.data.prepare import Prepared
from clues.data.rows import Row, SetAside
from clues.disk.writing import write_table
from clues.errors import ScoresError
from clues.scoring.channel import Channels, channels_among
from clues.selection.select import Selection


@dataclass(frozen=True)
class ScoredRows:
    """The usable rows of a file with their channels, and what was set aside."""

    source: Path
    columns: Mapping[str, str]
    """The owner's mapping of column names, empty where the usual ones are found."""
    rows: list[Row]
    tokens: list[int]
    """Response tokens of each row."""
    truncated: list[bool]
    set_aside: list[SetAside]
    channels: Channels

    @staticmethod
    def of(
        source: Path, prepared: Prepared, channels: Channels, columns: Mapping[str, str] | None = None
    ) -> ScoredRows:
        """Rows that were just scored."""
        encoded = prepared.encoded
        tokens, truncated = [sum(e.response_mask) for e in encoded], [e.truncated for e in encoded]
        return ScoredRows(source, columns or {}, prepared.rows, tokens, truncated, prepared.set_aside, channels)

    @staticmethod
    def load(folder: Path) -> ScoredRows:
        """Rows that were scored before, from the folder's files and the source they name.

        Raises ScoresError when there are none, or the source has changed since.
        """
        about, file = folder / "client.json", folder / "scores.parquet"
        if not (about.exists() and file.exists()):
            raise ScoresError(f"{folder}: no scores here; make them first: clues score")
        facts = check_version(about, json.loads(about.read_text()))
        source, columns = Path(facts["source"]), facts.get("columns", {})
        table = pq.read_table(file)
        scored = table.filter(pa.array([status == "scored" for status in table["status"].to_pylist()]))
        by_id = {row.id: row for row in read_rows(source, columns or None)[0]}
        missing = [i for i in scored["id"].to_pylist() if i not in by_id]
        if missing:
            raise ScoresError(f"{source}: row {missing[0]} has changed since it was scored; score the file again")
        channels = {c.column: scored[c.column].to_numpy() for c in channels_among(scored.column_names)}
        return ScoredRows(
            source,
            columns,
            [by_id[i] for i in scored["id"].to_pylist()],
            scored["tokens"].to_pylist(),
            scored["truncated"].to_pylist(),
            _read_set_aside(folder / "set_aside.jsonl"),
            channels,
        )

    @property
    def duplicates(self) -> int:
        """Rows whose text an earlier row has already."""
        return len(self.rows) - len({row.content_hash for row in self.rows})


def check_version(file: Path, content: dict[str, Any]) -> dict[str, Any]:
    """The content of one of clues' JSON files. Raises ScoresError for another schema version than ours."""
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ScoresError(
            f"{file}: schema_version {content.get('schema_version')} is not {SCHEMA_VERSION}, the one this clues "
            "reads; score the file again"
        )
    return content


def write_scores(
    file: Path, scored: ScoredRows, selection: Selection, keep: np.ndarray, decisions: Sequence[str]
) -> None:
    """One line per record of the file, in its order; docs/FORMATS.md lists the columns."""
    rows = scored.rows
    columns: dict[str, Any] = {
        "id": [r.id for r in rows],
        "file": [r.file for r in rows],
        "line": [r.line for r in rows],
        "hash": [r.content_hash for r in rows],
        "status": ["scored"] * len(rows),
        "tokens": scored.tokens,
        "truncated": scored.truncated,
        **{name: np.asarray(values, float) for name, values in scored.channels.items()},
    }
    for j, name in enumerate(selection.criteria):
        columns |= {f"evidence_{name}": selection.evidence[:, j], f"p_{name}": selection.p_criterion[:, j]}
    reasons = ["" if k else r for r, k in zip(selection.reason, keep, strict=True)]
    columns |= {"p": selection.p, "statistic": selection.statistic, "keep": keep}
    columns |= {"reason": reasons, "decision": list(decisions)}
    table = pa.concat_tables([pa.table(columns), _set_aside_table(scored.set_aside)], promote_options="default")
    metadata = {"schema_version": str(SCHEMA_VERSION)}
    write_table(table.sort_by("line").replace_schema_metadata(metadata), file)


def _set_aside_table(items: Sequence[SetAside]) -> pa.Table:
    schema = pa.schema([("file", pa.string()), ("line", pa.int64()), ("status", pa.string())])
    return pa.table(
        {"file": [s.file for s in items], "line": [s.line for s in items], "status": [s.reason for s in items]}, schema
    )


def _read_set_aside(file: Path) -> list[SetAside]:
    lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []  # raw text may hold other line ends
    return [SetAside(**json.loads(line)) for line in lines if line]

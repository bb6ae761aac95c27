"""One client's folder as the owner's page needs it: scores by column, and the rows' texts by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clues.data.files.reading import read_rows
from clues.data.files.records import conversation
from clues.data.rows import Row
from clues.disk.reading import read_lines, read_table
from clues.errors import ReportError
from clues.report.shading import SHADED
from clues.scoring.channel import SCORE, channels_among

EVIDENCE = "evidence_"
"""Before the name of a criterion: the column of its evidence."""
P = "p_"
"""Before the name of a criterion: the column of its p."""
NEEDED = ("id", "line", "hash", "status", "p", "statistic", "keep", "reason", "decision")
SCORED = "scored"
EXPLANATIONS = ("explanations.parquet", "channels/explanations.parquet")


@dataclass(frozen=True)
class Scores:
    """The scored rows of scores.parquet, in the order of the file."""

    columns: dict[str, np.ndarray]
    """Column -> [N]"""
    not_scored: int
    """Records with another status than `scored`."""

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["id"])

    def number(self, name: str, row: int) -> float:
        """One value of a numeric column."""
        return float(self.columns[name][row])

    @property
    def keep(self) -> np.ndarray:
        """[N] bool"""
        return self.columns["keep"].astype(bool)

    @property
    def criteria(self) -> list[str]:
        return [name.removeprefix(EVIDENCE) for name in self.columns if name.startswith(EVIDENCE)]

    def evidence(self, criterion: str) -> np.ndarray:
        """[N] in nats; NaN where a row has no verdict on the criterion."""
        return self.columns[EVIDENCE + criterion]

    @property
    def channels(self) -> list[str]:
        """Channels in the order of the file."""
        return [channel.column for channel in channels_among(self.columns)]

    @property
    def scorer(self) -> str:
        """The scorer that gave the scores; empty where criteria were asked."""
        return next((c.source for c in channels_among(self.columns) if c.kind == SCORE), "")


def read_scores(folder: Path) -> Scores:
    """Raises ReportError when scores.parquet is missing or was written by something else."""
    table = read_table(folder / "scores.parquet", NEEDED)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    scored = columns["status"] == SCORED
    found = Scores({name: values[scored] for name, values in columns.items()}, int((~scored).sum()))
    if not found.criteria:
        raise ReportError(f"{folder / 'scores.parquet'} has no evidence on any criterion; score again")
    return found


def read_texts(folder: Path, scores: Scores, columns: Mapping[str, str] | None) -> dict[str, Row]:
    """Row id -> row, from the kept and the dropped rows that stand in the folder.

    Raises ReportError when they are not the rows that were scored.
    """
    kept_ids, dropped_ids = scores["id"][scores.keep], set(scores["id"][~scores.keep])
    rows = _kept_rows(folder, columns)
    if [row.content_hash for row in rows] != scores["hash"][scores.keep].tolist():
        raise ReportError(f"{folder}: the kept file and scores.parquet hold different rows; select again")
    dropped = {entry["id"]: entry for entry in read_lines(folder / "dropped.jsonl")}
    if set(dropped) != dropped_ids:
        raise ReportError(f"{folder}: dropped.jsonl and scores.parquet name different rows; select again")
    texts = dict(zip(kept_ids.tolist(), rows, strict=True))
    for name, entry in dropped.items():
        texts[name] = Row(conversation(entry["record"], columns), "dropped.jsonl", entry["line"], entry["record"])
    return texts


def _kept_rows(folder: Path, columns: Mapping[str, str] | None) -> list[Row]:
    found = [path for path in folder.iterdir() if path.name.split(".")[0] == "kept"]
    if len(found) != 1:
        raise ReportError(f"{folder}: {len(found)} kept files, one is needed; select again")
    return read_rows(found[0], columns)[0]


def read_explanations(folder: Path, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Row id -> `start`, and `fluency`, `relevance`, `novelty` of its tokens; empty when the run explained nothing."""
    import pyarrow.compute

    file = next((folder / name for name in EXPLANATIONS if (folder / name).exists()), None)
    if file is None:
        return {}
    table = read_table(file, ("id", "start", *SHADED))
    table = table.filter(pyarrow.compute.field("id").isin(ids))
    return {entry["id"]: entry for entry in table.to_pylist()}

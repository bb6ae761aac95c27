"""scores.parquet: what is known about every record of an owner's file. It stays with the owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clues import SCHEMA_VERSION
from clues.disk.reading import check_version, read_table
from clues.disk.writing import write_table
from clues.errors import FolderError
from clues.scoring.channel import SCORE, Channels, channels_among

if TYPE_CHECKING:
    from pyarrow import Table

SCORED = "scored"
EVIDENCE, P = "evidence_", "p_"
"""Before the name of a criterion: the columns of its evidence and of its p."""
NEEDED = ("id", "line", "hash", "status", "tokens", "truncated", "p", "statistic", "keep", "reason", "decision")


@dataclass(frozen=True)
class NotScored:
    """A record that was set aside."""

    file: str
    line: int
    why: str


@dataclass(frozen=True)
class Scores:
    """The scored rows, in the order of the file, and the records that have no score."""

    columns: Mapping[str, np.ndarray]
    """Column -> [N], as docs/FORMATS.md lists them."""
    set_aside: Sequence[NotScored] = ()

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["id"])

    def number(self, name: str, row: int) -> float:
        """One value of a numeric column."""
        return float(self.columns[name][row])

    @property
    def ids(self) -> list[str]:
        """[N]"""
        return self.columns["id"].tolist()

    @property
    def keep(self) -> np.ndarray:
        """[N] bool"""
        return self.columns["keep"].astype(bool)

    @property
    def kept(self) -> set[str]:
        """Ids of the rows that are kept."""
        return set(self.columns["id"][self.keep].tolist())

    @property
    def criteria(self) -> list[str]:
        """In the order of the file."""
        return [name.removeprefix(EVIDENCE) for name in self.columns if name.startswith(EVIDENCE)]

    def evidence(self, criterion: str) -> np.ndarray:
        """[N] in nats; NaN where a row has no value on the criterion."""
        return self.columns[EVIDENCE + criterion]

    @property
    def channels(self) -> Channels:
        """Column -> [N], in the order of the file."""
        return {c.column: self.columns[c.column] for c in channels_among(self.columns)}

    @property
    def scorer(self) -> str:
        """The scorer that gave the scores; empty where criteria were asked."""
        return next((c.source for c in channels_among(self.columns) if c.kind == SCORE), "")


@dataclass(frozen=True)
class ScoresFile:
    """The file of them."""

    path: Path

    def read(self) -> Scores:
        """Raises FolderError where the file is missing, of another version, or was written by something else."""
        import pyarrow as pa

        table = read_table(self.path, NEEDED)
        check_version(self.path, _version(table))
        status = table["status"].to_pylist()
        others = table.filter(pa.array([each != SCORED for each in status], pa.bool_()))
        scored = table.filter(pa.array([each == SCORED for each in status], pa.bool_()))
        columns = {name: scored[name].to_numpy() for name in scored.column_names}
        places = zip(*(others[name].to_pylist() for name in ("file", "line", "status")), strict=True)
        found = Scores(columns, [NotScored(*place) for place in places])
        if not found.criteria and np.isfinite(found["statistic"]).any():  # where nothing is judged there is none
            raise FolderError(f"{self.path} has no evidence on any criterion; score again")
        return found

    def write(self, scores: Scores) -> None:
        """One line per record of the owner's file, in its order."""
        import pyarrow as pa

        columns = {name: _plain(values) for name, values in scores.columns.items()}
        aside = {
            "file": pa.array([each.file for each in scores.set_aside], pa.string()),
            "line": pa.array([each.line for each in scores.set_aside], pa.int64()),
            "status": pa.array([each.why for each in scores.set_aside], pa.string()),
        }
        table = pa.concat_tables([pa.table(columns), pa.table(aside)], promote_options="default").sort_by("line")
        write_table(table.replace_schema_metadata({"schema_version": str(SCHEMA_VERSION)}), self.path)


def _plain(values: np.ndarray) -> np.ndarray | list[str]:
    """Texts as a list: numpy's own have a fixed width."""
    return values if values.dtype.kind in "biuf" else values.tolist()


def _version(table: Table) -> object:
    found = (table.schema.metadata or {}).get(b"schema_version", b"").decode()
    return int(found) if found.isdigit() else None

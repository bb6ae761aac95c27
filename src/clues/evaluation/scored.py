"""The scored rows of a run, all clients together, with what is known about their quality.

Only where one machine holds every client's folder, as in the demo: in a deployment nobody can read this.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from clues.data.files.reading import read_rows
from clues.evaluation.labels import is_good, kind
from clues.scoring.channel import channels_among

SCORED = "scored"


@dataclass(frozen=True)
class Scored:
    """Parallel arrays over the N scored rows."""

    client: NDArray[np.str_]
    kind: NDArray[np.str_]
    """`clean` or the kind of edit."""
    keep: NDArray[np.bool_]
    p: NDArray[np.float64]
    statistic: NDArray[np.float64]
    """Finer than `p`, which moves in steps of 1 / (anchors + 1): ranks are taken from it."""
    channels: dict[str, NDArray[np.float64]]
    """NaN where a channel has no verdict on a row, as completeness on a truncated one."""
    not_scored: int = 0
    """Rows of the clients that have no score (duplicates, set aside) and are not among the N."""

    @property
    def clean(self) -> NDArray[np.bool_]:
        """[N] good: rows left as they were, and those whose edit leaves an answer good."""
        return np.array([is_good(kind) for kind in self.kind.tolist()], bool)


def read_scored(run: Path) -> Scored:
    """Read `clients/<name>/{scores.parquet,data.jsonl}` under a run's folder, clients in the order of their names.

    Raises FileNotFoundError without any client's scores, MissingLabelError for a row of unknown quality and
    ValueError for scores that do not belong to the data beside them or are not numbers.
    """
    folders = sorted(path.parent for path in run.glob("clients/*/scores.parquet"))
    if not folders:
        raise FileNotFoundError(f"{run}: no clients/<name>/scores.parquet; selection is measured after scoring")
    table = pa.concat_tables([_labelled(folder) for folder in folders], promote_options="default")
    rows = table.filter(pa.array([status == SCORED for status in table["status"].to_pylist()], pa.bool_()))
    if not len(rows):
        raise ValueError(f"{run}: none of {len(table)} rows was scored; see set_aside.jsonl in the clients' folders")
    channels = {c.column: _numbers(rows, c.column) for c in channels_among(rows.column_names)}
    return Scored(
        client=np.asarray(rows["client"].to_pylist(), str),
        kind=np.asarray(rows["kind"].to_pylist(), str),
        keep=_filled(rows, "keep", run).astype(bool),
        p=_filled(rows, "p", run),
        statistic=_filled(rows, "statistic", run),
        channels=channels,
        not_scored=len(table) - len(rows),
    )


def _labelled(folder: Path) -> pa.Table:
    """A client's scores with the columns `client` and `kind` added; the kind of a row without a score is null."""
    data, table = folder / "data.jsonl", pq.read_table(folder / "scores.parquet")
    rows = {row.id: row for row in read_rows(data)[0]}
    kinds: list[str | None] = []
    for identity, status in zip(table["id"].to_pylist(), table["status"].to_pylist(), strict=True):
        if status == SCORED and identity not in rows:
            raise ValueError(f"{folder / 'scores.parquet'}: row {identity} is not in {data}: score the file again")
        kinds.append(kind(rows[identity]) if status == SCORED else None)
    table = table.append_column("client", pa.array([folder.name] * len(table), pa.string()))
    return table.append_column("kind", pa.array(kinds, pa.string()))


def _numbers(rows: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)


def _filled(rows: pa.Table, name: str, run: Path) -> NDArray[np.float64]:
    """A column every scored row has a number in."""
    values = _numbers(rows, name)
    if np.isnan(values).any():
        at = int(np.argmax(np.isnan(values)))
        raise ValueError(f"{run}: row {rows['id'][at]} of {rows['client'][at]} is scored but has no `{name}`")
    return values

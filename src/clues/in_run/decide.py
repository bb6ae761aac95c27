"""p-values of rows that were scored while they were trained on, each at another state of the model.

A row is held against anchors that were scored in the same windows of the training, as often as it was. Its score, and
theirs, is Σ η s / Σ η over the occurrences, η the learning rate of the step.

N rows, C channels, J criteria.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clues.folders.scores import EVIDENCE, P
from clues.in_run.occurrences import Pattern, Sums
from clues.in_run.window import SCORED
from clues.kernels.conformal import Calibration
from clues.scoring.criteria import GOOD, Criterion
from clues.selection.bar import Bar
from clues.selection.select import calibrate


def decide_in_run(occurrences: pa.Table, criteria: Sequence[Criterion], alpha: float) -> pa.Table:
    """What becomes of every training row: a table sorted by key.

    Args:
        occurrences: one line per row and step: `key`, `role` ("row", "anchor", "good" for a public validation row, or
            the criterion that its copy is spoiled for), `window`, `learning_rate`, `status`, and the criteria's
            channels.
        criteria: with the channels that count.
        alpha: rows with a p of at most this are not kept.

    Returns columns `key`, `status`, `occurrences`, the channels, per criterion `evidence_*` and `p_*`, `p`, `keep` and
    `reason` (the worst criterion of a row that is not kept). One that was never scored has its status alone.

    Raises SelectionError, see `selection.select.calibrate`.
    """
    scored = occurrences.filter(pc.field("status") == SCORED)
    channels = [name for c in criteria for name in c.columns]
    sums = {
        role: Sums.of(scored.filter(pc.field("role") == role), channels)
        for role in ("row", "anchor", GOOD, *(c.name for c in criteria))
    }
    decided = _decided(sums["row"], _calibrate(sums, criteria, channels), criteria, channels, alpha)
    unscored = _unscored(occurrences, sums["row"].keys)
    return pa.concat_tables([decided, unscored], promote_options="default").sort_by("key")


@dataclass(frozen=True)
class Counts:
    """How many rows there are, how many are kept, and why the others are not."""

    rows: int
    kept: int
    dropped: int
    reasons: Mapping[str, int]
    """Dropped rows per criterion."""
    without_verdict: int
    """Rows that were never scored."""

    @staticmethod
    def of(decided: pa.Table) -> Counts:
        """Of what `decide_in_run` returns."""
        scored = decided.filter(pc.field("status") == SCORED)
        reasons = Counter(reason for reason in scored["reason"].to_pylist() if reason)
        kept = sum(scored["keep"].to_pylist())
        return Counts(len(decided), kept, reasons.total(), dict(reasons), len(decided) - len(scored))


def _calibrate(sums: Mapping[str, Sums], criteria: Sequence[Criterion], channels: Sequence[str]) -> Calibration:
    """Rows that occurred in the same windows are held against one bar."""
    traces, (N, J) = sums["row"].traces, (len(sums["row"].keys), len(criteria))
    result = Calibration(np.zeros((N, J)), np.zeros((N, J)), np.zeros(N), np.zeros(N), np.zeros(N, int))
    for pattern, rows in sums["row"].patterns.items():
        found = calibrate(_named(traces[rows], channels), _bar(sums, pattern, criteria, channels))
        for part, whole in zip(vars(found).values(), vars(result).values(), strict=True):
            whole[rows] = part
    return result


def _bar(sums: Mapping[str, Sums], pattern: Pattern, criteria: Sequence[Criterion], channels: Sequence[str]) -> Bar:
    spoiled = {c.name: _named(sums[c.name].traces_over(pattern), channels) for c in criteria}
    anchors, good = (_named(sums[role].traces_over(pattern), channels) for role in ("anchor", GOOD))
    return Bar(anchors, good, spoiled, tuple(criteria))


def _named(values: np.ndarray, channels: Sequence[str]) -> dict[str, np.ndarray]:
    return dict(zip(channels, values.T, strict=True))


def _decided(
    rows: Sums, found: Calibration, criteria: Sequence[Criterion], channels: Sequence[str], alpha: float
) -> pa.Table:
    keep = found.p > alpha
    columns: dict[str, Sequence[str] | np.ndarray] = {"key": rows.keys, "status": [SCORED] * len(keep)}
    columns["occurrences"] = rows.occurrences
    columns |= _named(rows.traces, channels)
    for j, c in enumerate(criteria):
        columns |= {EVIDENCE + c.name: found.evidence[:, j], P + c.name: found.p_criterion[:, j]}
    worst = found.evidence.argmin(axis=1)
    reason = ["" if kept else criteria[j].name for kept, j in zip(keep, worst, strict=True)]
    return pa.table(columns | {"p": found.p, "keep": keep, "reason": reason})


def _unscored(occurrences: pa.Table, scored: Sequence[str]) -> pa.Table:
    """Training rows that never had a score, with the status of one of their occurrences."""
    rows = occurrences.filter((pc.field("role") == "row") & ~pc.field("key").isin(pa.array(scored, pa.string())))
    found = rows.group_by("key").aggregate([("status", "min"), ("status", "count")])
    names = {"key": "key", "status_min": "status", "status_count": "occurrences"}
    return found.rename_columns([names[name] for name in found.column_names])

"""How much of exchanged answers can be read off the channels by one who is told?

A logistic regression is told which rows of all other tables are exchanged, and ranks those of the table left out. No
one who has only public rows can be told that much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from clues.kernels.fisher import RIDGE
from clues.statistics.ranking import auc
from clues_research.selection import ours
from clues_research.selection.measure import against
from clues_research.selection.read import Table

KINDS = ("exchange", "near-exchange")
STRENGTH = 0.1
"""Inverse of the penalty, the best of 0.001, 0.01 and 0.1 on the choosing seeds (docs/research/LOG.md)."""


def told(tables: Sequence[Table]) -> dict[str, Any]:
    """Kind -> area of the verdict and of the regression, means over the tables, each left out in turn."""
    features = [_features(table) for table in tables]
    exchanged = [np.any([against(table, kind) for kind in KINDS], axis=0) for table in tables]
    areas: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for left_out, table in enumerate(tables):
        others = [i for i in range(len(tables)) if i != left_out]
        X = np.concatenate([features[i][exchanged[i]] for i in others])
        y = np.concatenate([tables[i].clean[exchanged[i]] for i in others])
        reader = LogisticRegression(C=STRENGTH, max_iter=1000).fit(X, y)
        verdict, knowing = ours.judged(table).statistic, reader.decision_function(features[left_out])
        for kind in KINDS:
            rows = against(table, kind)
            own, told = (auc(table.clean[rows], score[rows]) or 0.0 for score in (verdict, knowing))
            areas[kind].append((own, told))
    return {kind: dict(zip(("verdict", "told"), np.mean(areas[kind], axis=0).tolist(), strict=True)) for kind in KINDS}


def _features(table: Table) -> np.ndarray:
    """[R, F] every forward channel and the product's gradient channels, in anchors' standard deviations."""
    gradient = tuple(f"|fisher{RIDGE:g}|upper@{k}" for k in ours.CHECKPOINTS)
    floats = [name for name, values in table.columns.items() if values.dtype.kind == "f" and name != "random"]
    names = [name for name in floats if "@" not in name or name.endswith(gradient)]
    values = np.stack([table.columns[name].astype(float) for name in names], axis=1)
    anchors = values[table.role("anchor")]
    return np.nan_to_num(np.clip((values - np.nanmedian(anchors, 0)) / (np.nanstd(anchors, 0) + 1e-9), -6, 6))

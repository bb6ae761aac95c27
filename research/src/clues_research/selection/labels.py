"""Rows that people judged: does a score put what they called good above what they called poor?

There is no bar here and no rule, only ranks: among rows of one labelled client, by what people said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clues_research.selection import ours
from clues_research.selection.intervals import areas, estimate
from clues_research.selection.mixtures import QUALITY
from clues_research.selection.others import OTHERS
from clues_research.selection.read import Table

Split = Callable[[tuple[int, ...]], bool | None]
"""A row's marks -> whether it is good, poor, or (None) left out."""


def _dimension(at: int) -> Split:
    return lambda marks: marks[at] == 2


SPLITS: dict[str, dict[str, Split]] = {
    "judged": {
        "excellent or incomplete against related or incorrect": lambda marks: marks[0] >= 3,
        "excellent against incorrect": lambda marks: {4: True, 1: False}.get(marks[0]),
    },
    "calls": {
        "best marks for all three against any lower mark": lambda marks: min(marks) == 2,
        **{name: _dimension(at) for at, name in enumerate(QUALITY)},
    },
}


Scores = Callable[[Table], dict[str, np.ndarray]]
"""Scorer -> [R]"""


def labels(tables: Sequence[Table], data: str) -> dict[str, dict[str, Any]]:
    """Split -> rows on both sides, and for every scorer its area and what ours gains on it: means over the tables."""
    return {name: compared(tables, split, scores) for name, split in SPLITS[data].items()}


def compared(tables: Sequence[Table], split: Split, scores: Scores) -> dict[str, Any]:
    """One split, see `labels`; ours is the scorer named clues."""
    found: dict[str, list[np.ndarray]] = {}
    counts = np.zeros(2, int)
    for seed, table in enumerate(tables):
        verdict = [split(marks) for marks in _marks(table)]
        rows = np.flatnonzero(table.columns["client"] == "labelled")[[v is not None for v in verdict]]
        good = np.array([v for v in verdict if v is not None])
        counts += good.sum(), (~good).sum()
        for name, score in scores(table).items():
            found.setdefault(name, []).append(areas(good, score[rows], seed))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    gains = {name: means["clues"] - values for name, values in means.items()}
    scorers = {name: {"auc": estimate(means[name]), "gain": estimate(gain)} for name, gain in gains.items()}
    return {"good": int(counts[0]), "poor": int(counts[1]), "scorers": scorers}


def _marks(table: Table) -> list[tuple[int, ...]]:
    kinds = table.columns["kind"][table.columns["client"] == "labelled"]
    return [tuple(map(int, str(kind).removeprefix("label ").split("-"))) for kind in kinds]


def scores(table: Table) -> dict[str, np.ndarray]:
    """Ours, whole and in parts, then every other scorer's: [R] each."""
    plain = ours.Variant()
    forward = ours.forward_alone(plain)
    mine = {"clues": ours.judged(table).statistic, "clues, forward": ours.judged(table, forward).statistic}
    mine |= {f"clues, {name}": evidence for name, evidence in ours.evidence(table, plain).items()}
    return mine | {name: score(table, table.first_pass) for name, score in OTHERS.items()}

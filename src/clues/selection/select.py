"""Selection: a client's rows against the bar, each with its p-values and, if dropped, its reason."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clues.config import SelectionSettings
from clues.errors import SelectionError
from clues.kernels.conformal import Calibration, Discriminant, conformal, in_deviations
from clues.scoring.channel import FREE, TASK, Channels
from clues.scoring.criteria import Criterion
from clues.selection.bar import Bar
from clues.selection.rules import keep_rows
from clues.selection.tables import count, judges, public_values, values


@dataclass(frozen=True)
class Selection:
    """What becomes of N rows, by J criteria."""

    criteria: tuple[str, ...]
    evidence: np.ndarray
    """[N, J] log-likelihood ratio of good against spoiled; NaN where it does not judge the row."""
    p_criterion: np.ndarray
    """[N, J]"""
    statistic: np.ndarray
    """[N] the worst criterion's evidence; higher is better, infinite where none judges the row."""
    p: np.ndarray
    """[N]"""
    like: np.ndarray
    """[N] anchors that the row was held against."""
    keep: np.ndarray
    """[N] bool"""

    @cached_property
    def worst(self) -> np.ndarray:
        """[N] index of the worst criterion: the reason, where the row is dropped. 0 where none judges it."""
        if not self.criteria:
            return np.zeros(len(self.keep), int)
        return np.where(np.isnan(self.evidence), np.inf, self.evidence).argmin(axis=1)

    @property
    def judged(self) -> np.ndarray:
        """[N] bool, whether anything can be told of a row."""
        return self.like > 0

    @property
    def reason(self) -> list[str]:
        """[N] the worst criterion of a dropped row, else empty."""
        return ["" if k else self.criteria[j] for k, j in zip(self.keep, self.worst, strict=True)]


def select(channels: Channels, bar: Bar, settings: SelectionSettings) -> Selection:
    """Calibrate rows (column -> [N]) against the bar and apply the rule.

    A row that some criterion does not judge (a truncated answer has no end, a label no completeness) is compared by the
    others, with anchors of its kind by the same criteria, see `conformal`. One that none judges is kept.

    Raises SelectionError when a channel is missing or a public row has no value in it.
    """
    found, own = calibrate(channels, bar), calibrate(bar.anchors, bar)
    keep, judged = np.ones(len(found.p), bool), found.like > 0
    if judged.any():
        keep[judged] = keep_rows(settings, found.p[judged], found.statistic[judged], own.statistic[own.like > 0])
    return Selection(tuple(c.name for c in bar.criteria), **vars(found), keep=keep)


def calibrate(channels: Channels, bar: Bar) -> Calibration:
    """Evidence and p-values of rows (column -> [N]) against the bar, before any rule; NaN where a row has no value.

    Raises SelectionError, see `select`.
    """
    if not bar.size:
        raise SelectionError("there is no anchor")
    if bar.by_score:
        return conformal(*_by_score(channels, bar))
    rows, anchors = (np.full((count(table), len(bar.criteria)), np.nan) for table in (channels, bar.anchors))
    for j, criterion in enumerate(bar.criteria):
        discriminant = _discriminant(criterion, bar)
        for table, evidence in ((channels, rows), (bar.anchors, anchors)):
            evidence[:, j] = np.where(judges(criterion, table), discriminant.evidence(values(table, criterion)), np.nan)
    return conformal(rows, anchors, (_tasks(channels), _tasks(bar.anchors)))


def _tasks(table: Channels) -> np.ndarray:
    """[rows] the task each row is of."""
    return np.asarray(table[TASK.column], int) if TASK.column in table else np.full(count(table), FREE)


def _discriminant(criterion: Criterion, bar: Bar) -> Discriminant:
    """What tells good public rows from those that are spoiled for a criterion.

    Raises SelectionError for fewer than two of each, and for a public row without a value in a channel.
    """
    spoiled = bar.spoiled[criterion.name]
    parts = [(bar.anchors, judges(criterion, bar.anchors)), (bar.good, judges(criterion, bar.good))]
    parts.append((spoiled, np.ones(count(spoiled), bool)))
    if min(some.sum() for _, some in parts[1:]) < 2:
        raise SelectionError(f"there are fewer than two public rows that are good, or spoiled for {criterion.name}")
    _, good, bad = (public_values(table, criterion, some) for table, some in parts)
    return Discriminant.fit(good, bad)


def _by_score(channels: Channels, bar: Bar) -> tuple[np.ndarray, np.ndarray]:
    """The same of a scorer, for which nothing is spoiled: [N, 1] and [n, 1]."""
    (scorer,) = bar.criteria
    rows, anchors = (values(part, scorer)[:, 0] for part in (channels, bar.anchors))
    for whose, scores in (("an anchor", anchors), ("a row", rows)):
        if not np.isfinite(scores).all():
            raise SelectionError(f"{whose} has no value in {scorer.columns[0]}; take it out")
    evidence, own = in_deviations(rows, anchors)
    return evidence[:, None], own[:, None]

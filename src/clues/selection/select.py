"""Selection: a client's rows against the bar, each with its p-values and, if dropped, its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.config import SelectionSettings
from clues.errors import SelectionError
from clues.kernels.conformal import Calibration, Discriminant, conformal, in_deviations
from clues.selection.bar import Bar
from clues.selection.rules import keep_rows

SMALLEST = 1e-4
"""Least size of a likelihood before its logarithm is taken."""


@dataclass(frozen=True)
class Selection:
    """The verdict on N rows, by J criteria."""

    criteria: tuple[str, ...]
    evidence: np.ndarray
    """[N, J] log-likelihood ratio of good against spoiled; NaN where a row has no verdict on the criterion."""
    p_criterion: np.ndarray
    """[N, J]"""
    statistic: np.ndarray
    """[N] the worst criterion's evidence; higher is better."""
    p: np.ndarray
    """[N]"""
    keep: np.ndarray
    """[N] bool"""

    @property
    def worst(self) -> np.ndarray:
        """[N] index of the worst criterion: the reason, where the row is dropped."""
        return np.nanargmin(self.evidence, axis=1)

    @property
    def reason(self) -> list[str]:
        """[N] the worst criterion of a dropped row, else empty."""
        return ["" if k else self.criteria[j] for k, j in zip(self.keep, self.worst, strict=True)]


def select(channels: Mapping[str, np.ndarray], bar: Bar, settings: SelectionSettings) -> Selection:
    """Calibrate rows (channel -> [N]) against the bar and apply the rule.

    A row without a value in some channel (a truncated answer has no end token) is judged by the criteria it has, and
    against the anchors' statistic over the same criteria, so its p stays valid.

    Raises SelectionError when a channel is missing or a public row has no value in it.
    """
    found, own = calibrate(channels, bar), calibrate(bar.anchors, bar).statistic
    keep = keep_rows(settings, found.p, found.statistic, own)
    return Selection(tuple(c.name for c in bar.criteria), **vars(found), keep=keep)


def calibrate(channels: Mapping[str, np.ndarray], bar: Bar) -> Calibration:
    """Evidence and p-values of rows (channel -> [N]) against the bar, before any rule; NaN where a row has no verdict.

    Raises SelectionError, see `select`.
    """
    if not bar.size:
        raise SelectionError("there is no anchor")
    rows, anchors = _by_criterion(channels, bar) if bar.spoiled else _by_score(channels, bar)
    if not np.isfinite(rows).any(axis=1).all():
        raise SelectionError("a row has no value in any channel")
    return conformal(rows, anchors)


def _by_criterion(channels: Mapping[str, np.ndarray], bar: Bar) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of rows [N, J] and anchors [n, J]."""
    rows, anchors = [], []
    for criterion in bar.criteria:
        public = [_table(part, criterion.channels) for part in (bar.anchors, bar.good, bar.spoiled[criterion.name])]
        if min(len(part) for part in public[1:]) < 2:
            raise SelectionError(f"there are fewer than two public rows that are good, or spoiled for {criterion.name}")
        for part in public:
            if not np.isfinite(part).all():
                odd = criterion.channels[int(np.argmin(np.isfinite(part).all(axis=0)))]
                raise SelectionError(f"a public row has no value in channel {odd}; public rows must not be truncated")
        discriminant = Discriminant.fit(public[1], public[2])
        rows.append(discriminant.evidence(_table(channels, criterion.channels)))
        anchors.append(discriminant.evidence(public[0]))
    return np.stack(rows, axis=1), np.stack(anchors, axis=1)


def _by_score(channels: Mapping[str, np.ndarray], bar: Bar) -> tuple[np.ndarray, np.ndarray]:
    """The same of a scorer, for which nothing is spoiled: [N, 1] and [n, 1]."""
    names = [channel for criterion in bar.criteria for channel in criterion.channels]
    if len(names) != 1:
        raise SelectionError("there are no spoiled public rows and no scores: score the file again")
    rows, anchors = _table(channels, names)[:, 0], _table(bar.anchors, names)[:, 0]
    for whose, values in (("an anchor", anchors), ("a row", rows)):
        if not np.isfinite(values).all():
            raise SelectionError(f"{whose} has no value in {names[0]}; take it out")
    evidence, own = in_deviations(rows, anchors)
    return evidence[:, None], own[:, None]


def _table(channels: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """[rows, C], sizes of likelihoods on a log scale: their distributions are long-tailed to the bad side only."""
    for name in names:
        if name not in channels:
            raise SelectionError(f"channel {name} is missing; were rows and anchors scored with the same settings?")
    return np.stack([_symmetric(name, np.asarray(channels[name], float)) for name in names], axis=1)


def _symmetric(name: str, values: np.ndarray) -> np.ndarray:
    match name:
        case "fluency.forward" | "completeness.forward":
            return -np.log(np.maximum(-values, SMALLEST))
        case "relevance.forward":
            return np.log(np.maximum(values, 100 * SMALLEST))
        case "novelty.forward":
            return np.log(np.maximum(values, 10 * SMALLEST))
    return values

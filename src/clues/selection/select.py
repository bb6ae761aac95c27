"""Selection: a client's rows against the bar, each with its p-values and, if dropped, its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.config import SelectionSettings
from clues.kernels.conformal import Calibration, full_conformal, rank_conformal
from clues.selection.bar import Bar
from clues.selection.rules import keep_rows

SMALLEST = 1e-4
"""Least size of a likelihood before its logarithm is taken."""


class SelectionError(ValueError):
    """A selection that cannot be made; the text says why."""


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
    if not bar.spoiled:
        return _by_rank(channels, bar)
    names = [channel for criterion in bar.criteria for channel in criterion.channels]
    groups = [[names.index(channel) for channel in criterion.channels] for criterion in bar.criteria]
    table, anchors, spoiled = _tables(channels, bar, names)
    has = np.stack([np.isfinite(table[:, group]).all(axis=1) for group in groups], axis=1)  # [N, J]
    N, J = has.shape
    evidence, p_criterion = np.full((N, J), np.nan), np.full((N, J), np.nan)
    statistic, p = np.zeros(N), np.zeros(N)
    for pattern in np.unique(has, axis=0):
        rows, present = (has == pattern).all(axis=1), np.flatnonzero(pattern)
        if not present.size:
            raise SelectionError("a row has no value in any channel")
        part = _calibrate(table[rows], anchors, [spoiled[j] for j in present], [groups[j] for j in present])
        evidence[np.ix_(rows, present)], p_criterion[np.ix_(rows, present)] = part.evidence, part.p_criterion
        statistic[rows], p[rows] = part.statistic, part.p
    return Calibration(evidence, p_criterion, statistic, p)


def _by_rank(channels: Mapping[str, np.ndarray], bar: Bar) -> Calibration:
    """Scores of a scorer: there are no spoiled rows to hold them against."""
    names = [channel for criterion in bar.criteria for channel in criterion.channels]
    if len(names) != 1 or not bar.size:
        raise SelectionError("there are no spoiled public rows and no scores, or no anchor: score the file again")
    rows, anchors = _table(channels, names)[:, 0], _table(bar.anchors, names)[:, 0]
    for whose, values in (("an anchor", anchors), ("a row", rows)):
        if not np.isfinite(values).all():
            raise SelectionError(f"{whose} has no value in {names[0]}; take it out")
    return rank_conformal(rows, anchors)


def _calibrate(
    rows: np.ndarray, anchors: np.ndarray, spoiled: Sequence[np.ndarray], groups: list[list[int]]
) -> Calibration:
    used = sorted({i for group in groups for i in group})
    renumbered = [[used.index(i) for i in group] for group in groups]
    return full_conformal(rows[:, used], anchors[:, used], [bad[:, used] for bad in spoiled], renumbered)


def _tables(
    channels: Mapping[str, np.ndarray], bar: Bar, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    anchors = _table(bar.anchors, names)
    spoiled = [_table(bar.spoiled.get(criterion.name, {}), names) for criterion in bar.criteria]
    if not len(anchors) or min(map(len, spoiled)) < 2:
        raise SelectionError("there is no anchor, or there are fewer than two spoiled public rows for a criterion")
    for public in (anchors, *spoiled):
        if not np.isfinite(public).all():
            odd = names[int(np.argmin(np.isfinite(public).all(axis=0)))]
            raise SelectionError(f"a public row has no value in channel {odd}; public rows must not be truncated")
    return _table(channels, names), anchors, spoiled


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
    return values

"""Selection: a client's rows against the bar, each with its p-values and, if dropped, its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.config import SelectionSettings
from clues.kernels.conformal import Calibration, full_conformal
from clues.scoring.criteria import Criterion
from clues.selection.rules import keep_rows


class SelectionError(ValueError):
    """A selection that cannot be made; the text says why."""


@dataclass(frozen=True)
class Selection:
    """The verdict on N rows, by J criteria."""

    criteria: tuple[str, ...]
    z: np.ndarray
    """[N, J] standard deviations of the anchors; NaN where a row has no verdict on the criterion."""
    p_criterion: np.ndarray
    """[N, J]"""
    statistic: np.ndarray
    """[N] the worst criterion; higher is better."""
    p: np.ndarray
    """[N]"""
    keep: np.ndarray
    """[N] bool"""
    reason: tuple[str, ...]
    """[N] the worst criterion of a dropped row, else empty."""


def select(
    channels: Mapping[str, np.ndarray],
    anchors: Mapping[str, np.ndarray],
    criteria: Sequence[Criterion],
    settings: SelectionSettings,
) -> Selection:
    """Calibrate rows against the anchors and apply the rule.

    A row without a value in some channel (a truncated answer has no end token) is judged by the criteria it has, and
    against the anchors' statistic over the same criteria, so its p stays valid.

    Args:
        channels: channel -> [N]; anchors: channel -> [n].

    Raises SelectionError when a channel is missing or an anchor has no value in it.
    """
    names, table, bar = _tables(channels, anchors, criteria)
    groups = [[names.index(channel) for channel in criterion.channels] for criterion in criteria]
    has = np.stack([np.isfinite(table[:, group]).all(axis=1) for group in groups], axis=1)  # [N, J]
    N, J = has.shape
    z, p_criterion = np.full((N, J), np.nan), np.full((N, J), np.nan)
    statistic, p = np.zeros(N), np.zeros(N)
    for pattern in np.unique(has, axis=0):
        rows, present = (has == pattern).all(axis=1), np.flatnonzero(pattern)
        if not present.size:
            raise SelectionError("a row has no value in any channel")
        part = _calibrate(table[rows], bar, [groups[j] for j in present])
        z[np.ix_(rows, present)], p_criterion[np.ix_(rows, present)] = part.z, part.p_criterion
        statistic[rows], p[rows] = part.statistic, part.p
    anchor_statistic = full_conformal(bar, bar, groups).statistic if len(bar) else np.zeros(0)
    keep = keep_rows(settings, p, statistic, anchor_statistic)
    worst = np.nanargmin(z, axis=1) if N else np.zeros(0, int)
    reason = tuple("" if k else criteria[j].name for k, j in zip(keep, worst, strict=True))
    return Selection(tuple(c.name for c in criteria), z, p_criterion, statistic, p, keep, reason)


def _calibrate(rows: np.ndarray, bar: np.ndarray, groups: list[list[int]]) -> Calibration:
    used = sorted({i for group in groups for i in group})
    return full_conformal(rows[:, used], bar[:, used], [[used.index(i) for i in group] for group in groups])


def _tables(
    channels: Mapping[str, np.ndarray], anchors: Mapping[str, np.ndarray], criteria: Sequence[Criterion]
) -> tuple[list[str], np.ndarray, np.ndarray]:
    names = [channel for criterion in criteria for channel in criterion.channels]
    for name in names:
        if name not in channels or name not in anchors:
            raise SelectionError(f"channel {name} is missing; were rows and anchors scored with the same settings?")
        if not np.isfinite(anchors[name]).all():
            raise SelectionError(f"an anchor has no value in channel {name}; anchors must not be truncated")
    table = np.stack([np.asarray(channels[name], float) for name in names], axis=1)
    bar = np.stack([np.asarray(anchors[name], float) for name in names], axis=1)
    if not len(bar):
        raise SelectionError("there is no anchor")
    return names, table, bar

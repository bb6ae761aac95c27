"""Full conformal p-values of rows against anchors. N rows, n anchors, C channels, J criteria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHUNK = 512
"""Rows calibrated at once: bounds the [rows, n, C] arrays."""


@dataclass(frozen=True)
class Calibration:
    """What the anchors say about each row; higher is better everywhere."""

    z: np.ndarray
    """[N, J] criteria in standard deviations of the anchors and the row."""
    p_criterion: np.ndarray
    """[N, J] share of the n + 1 that are not better in this criterion."""
    statistic: np.ndarray
    """[N] the worst criterion."""
    p: np.ndarray
    """[N] share of the n + 1 whose statistic is not higher."""


def full_conformal(rows: np.ndarray, anchors: np.ndarray, criteria: Sequence[Sequence[int]]) -> Calibration:
    """Let each row join the anchors, standardise all n + 1 in every channel, combine, and rank.

    A criterion is the mean of its channels; the statistic is the worst criterion, for one failure is enough and good
    marks elsewhere must not buy it back. Every step treats the n + 1 alike, so p is exactly valid for a row that is
    exchangeable with the anchors: P(p <= α) <= α (full conformal prediction, Vovk et al. 2005, Section 2.2).

    Args:
        rows: [N, C] channels, finite.
        anchors: [n, C], n >= 1, finite.
        criteria: J groups of channel indices.
    """
    parts = [_calibrate(rows[i : i + CHUNK], anchors, criteria) for i in range(0, max(len(rows), 1), CHUNK)]
    return Calibration(*(np.concatenate([getattr(part, f) for part in parts]) for f in Calibration.__annotations__))


def _calibrate(rows: np.ndarray, anchors: np.ndarray, criteria: Sequence[Sequence[int]]) -> Calibration:
    N, n = len(rows), len(anchors)
    everyone = np.empty((N, n + 1, rows.shape[1]))
    everyone[:, :n] = anchors
    everyone[:, n] = rows
    spread = everyone.std(axis=1, keepdims=True)
    # A channel in which all n + 1 are equal says nothing: 0 for everyone.
    standard = (everyone - everyone.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    by_criterion = np.stack([standard[:, :, list(c)].mean(axis=2) for c in criteria], axis=2)  # [N, n + 1, J]
    worst = by_criterion.min(axis=2)
    return Calibration(
        z=by_criterion[:, n],
        p_criterion=_rank(by_criterion),
        statistic=worst[:, n],
        p=_rank(worst[:, :, None])[:, 0],
    )


def _rank(values: np.ndarray) -> np.ndarray:
    """Share of the n + 1 (axis 1) that are not higher than the last one. Rounding must not break ties."""
    last = values[:, -1:]
    return (values <= last + 1e-12 * np.abs(last)).mean(axis=1)

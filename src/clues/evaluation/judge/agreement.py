"""Does the judge mean what it says? The same two answers are shown twice, in either order.

The position bias of language models as judges: Wang et al., "Large Language Models are not Fair Evaluators" (2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clues.statistics.bootstrap import estimate


@dataclass(frozen=True)
class Agreement:
    """How far two orders agree."""

    rows: int
    same: float
    """Share of rows where both orders prefer the same answer, or both neither."""
    kappa: float | None
    """Cohen's, of the three preferences (a, b, equal); None where all are the same, so that it is not defined."""
    spearman: float | None
    """Rank correlation of the differences; None where all are the same."""
    first_gain: float
    """By how much an answer gains from standing first, with its interval over documents."""
    first_gain_low: float | None
    first_gain_high: float | None


def agreement(ab: ArrayLike, ba: ArrayLike, documents: Sequence[str], resamples: int = 2000) -> Agreement:
    """Of two orders, from the score of a minus that of b in each: `ab` [N], a shown first, and `ba` [N]."""
    ab, ba = np.asarray(ab, float), np.asarray(ba, float)
    gain = estimate((ab - ba) / 2, documents, resamples)
    return Agreement(
        rows=len(ab),
        same=float(np.mean(np.sign(ab) == np.sign(ba))),
        kappa=_kappa(np.sign(ab), np.sign(ba)),
        spearman=_spearman(ab, ba),
        first_gain=gain.value,
        first_gain_low=gain.low,
        first_gain_high=gain.high,
    )


def _kappa(one: np.ndarray, other: np.ndarray) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    if len(np.union1d(one, other)) < 2:
        return None
    return float(cohen_kappa_score(one.astype(int), other.astype(int)))


def _spearman(one: np.ndarray, other: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(np.unique(one)) < 2 or len(np.unique(other)) < 2:
        return None
    found = float(spearmanr(one, other)[0])  # type: ignore[arg-type]
    return found if math.isfinite(found) else None

"""How well a score ranks clean rows above spoiled ones: the area under the ROC curve.

It is the chance that a clean row has the higher score than a spoiled one, ties counting half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from clues.statistics.bootstrap import interval


def auc(clean: NDArray[np.bool_], score: NDArray[np.floating]) -> float | None:
    """Area under the curve of `score` [N], higher is cleaner; None where only one class is there."""
    if clean.all() or not clean.any():
        return None
    return float(roc_auc_score(clean, rankdata(score)))  # a row that nothing judges has an infinite score


def auc_interval(
    clean: NDArray[np.bool_], score: NDArray[np.floating], resamples: int = 2000, seed: int = 0
) -> tuple[float, float] | tuple[None, None]:
    """Percentile interval of the area over resampled clean and resampled spoiled rows; None with one class alone."""
    if clean.all() or not clean.any():
        return None, None
    return interval(resampled_auc(clean, score, resamples, seed))


def resampled_auc(
    clean: NDArray[np.bool_], score: NDArray[np.floating], resamples: int = 2000, seed: int = 0
) -> NDArray[np.float64]:
    """The area [resamples] over clean rows drawn with replacement and spoiled rows drawn so; both must be there."""
    good, bad = score[clean], score[~clean]
    wins = (good[:, None] > bad) + 0.5 * (good[:, None] == bad)
    generator = np.random.default_rng(seed)
    times_good, times_bad = (
        generator.multinomial(len(side), np.full(len(side), 1 / len(side)), resamples) for side in (good, bad)
    )
    return ((times_good @ wins) * times_bad).sum(axis=1) / wins.size


def auc_by_kind(kind: NDArray[np.str_], clean: NDArray[np.bool_], score: NDArray[np.floating]) -> dict[str, float]:
    """Area of the clean rows against each kind of damage; empty where no row is clean."""
    areas = {name: auc(*_against(name, kind, clean, score)) for name in np.unique(kind[~clean]).tolist()}
    return {name: area for name, area in areas.items() if area is not None}


def _against(
    name: str, kind: NDArray[np.str_], clean: NDArray[np.bool_], score: NDArray[np.floating]
) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    chosen = clean | (kind == name)
    return clean[chosen], score[chosen]

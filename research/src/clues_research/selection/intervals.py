"""Figures and their resamples side by side, so that two scorers are compared on the same resamples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clues.statistics.bootstrap import interval
from clues.statistics.ranking import auc, resampled_auc

RESAMPLES = 2000


def areas(good: np.ndarray, score: np.ndarray, seed: int) -> np.ndarray:
    """[1 + RESAMPLES] the area under the curve as measured, then of resampled rows; a row without a score is last."""
    score = np.nan_to_num(score, nan=-np.finfo(float).max)
    return np.concatenate([[auc(good, score) or 0.0], resampled_auc(good, score, RESAMPLES, seed)])


def estimate(values: np.ndarray, names: Sequence[str] = ()) -> dict[str, Any]:
    """Value and 95 % interval of a measured number and its resamples, or of several columns by name."""
    if names:
        return {name: estimate(values[:, i]) for i, name in enumerate(names)}
    low, high = interval(values[1:])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def rates(keep: Sequence[np.ndarray], clean: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Precision, recall, F1, accuracy and the share of good rows among the dropped, over the pooled rows of several
    tables: each [1 + RESAMPLES], as measured, then of rows drawn anew within each table, the same for every scorer."""
    totals = np.zeros((1 + RESAMPLES, 5))
    for seed, (kept, good) in enumerate(zip(keep, clean, strict=True)):
        draws = np.random.default_rng(seed).multinomial(len(kept), np.full(len(kept), 1 / len(kept)), RESAMPLES)
        weights = np.concatenate([np.ones((1, len(kept))), draws])
        totals += weights @ np.stack([kept & good, kept, good, ~kept, kept == good], axis=1).astype(float)
    both, kept, good, dropped, right = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": both / kept,
            "recall": both / good,
            "f1": 2 * both / (kept + good),
            "accuracy": right / (kept + dropped),
            "good_among_dropped": (good - both) / dropped,
        }

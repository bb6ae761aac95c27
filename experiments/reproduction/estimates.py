"""Means and differences over seeds, with intervals over seeds and the documents in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clues.evaluation.bootstrap import interval, resampled_means

RESAMPLES = 2000
Measured = tuple[np.ndarray, Sequence[object]]
"""Values of one seed's rows [N], and the document of each."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; none where one document alone says nothing of spread."""

    value: float
    low: float | None
    high: float | None
    n: int


def over_seeds(seeds: Sequence[Measured]) -> Estimate:
    """The mean over seeds of the means over rows.

    A resample draws seeds, then the documents of each, with replacement; a seed that is drawn twice gets its own
    documents each time. Three seeds show little of the spread between seeds, so the interval is rather too narrow.
    """
    value = float(np.mean([values.mean() for values, _ in seeds]))
    n = sum(len(values) for values, _ in seeds)
    if any(len(set(documents)) < 2 for _, documents in seeds):
        return Estimate(value, None, None, n)
    drawn = np.random.default_rng(0).integers(len(seeds), size=(len(seeds), RESAMPLES))
    total = np.zeros(RESAMPLES)
    for slot, chosen in enumerate(drawn):
        means = [
            resampled_means(values, [str(d) for d in documents], RESAMPLES, 1000 * slot + i)
            for i, (values, documents) in enumerate(seeds)
        ]
        total += np.stack(means)[chosen, np.arange(RESAMPLES)]
    return Estimate(value, *interval(total / len(seeds)), n)


def from_resamples(values: np.ndarray, n: int) -> Estimate:
    """A number and its resamples [1 + RESAMPLES] as an estimate; resamples that are not defined are left out."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = interval(drawn) if len(drawn) else (None, None)
    return Estimate(float(values[0]), low, high, n)

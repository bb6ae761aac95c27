"""Means over rows with intervals that know that rows of one document are not independent.

A resample draws whole documents with replacement and takes the mean over all their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clues.data.rows import Row

CONFIDENCE = 0.95
"""Of every interval in `evaluation`."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval; `low` and `high` are None where one document alone says nothing about spread."""

    value: float
    low: float | None
    high: float | None
    n: int
    """Rows."""
    documents: int

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero; an unknown interval does not."""
        return self.low is not None and self.low > 0


def document_of(row: Row) -> str:
    """The cluster a row belongs to: its `doc` field within its `source`, or the row itself where it has no `doc`.

    Sites number their pages alike, so a `doc` alone does not say which document is meant.
    """
    document = row.record.get("doc")
    return row.content_hash if document is None else f"{row.record.get('source', '')}/{document}"


def resampled_means(
    values: ArrayLike, documents: Sequence[str], resamples: int = 2000, seed: int = 0
) -> NDArray[np.float64]:
    """Means of `values` [N, ...] over the rows of each resample: [resamples, ...].

    Columns are resampled together, so differences between them are paired. Raises ValueError for values that are
    not finite: a mean over what is left would look like a measurement.
    """
    values = np.asarray(values, np.float64)
    if len(values) != len(documents) or not len(values):
        raise ValueError(f"{len(values)} values and {len(documents)} documents: one of each per row is needed")
    finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not finite.all():
        raise ValueError(f"value {int(np.argmin(finite))} is not finite; every evaluated row needs a value")
    names, member = np.unique(np.asarray(documents, str), return_inverse=True)
    rows = np.bincount(member)
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, member, values)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    return np.tensordot(drawn, sums, 1) / (drawn @ rows).reshape(-1, *[1] * (values.ndim - 1))


def estimate(values: ArrayLike, documents: Sequence[str], resamples: int = 2000, seed: int = 0) -> Estimate:
    """The mean of `values` [N] with a percentile interval over documents."""
    values = np.asarray(values, np.float64)
    means = resampled_means(values, documents, resamples, seed)
    count = len(set(documents))
    low, high = interval(means) if count > 1 else (None, None)
    return Estimate(float(values.mean()), low, high, len(values), count)


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """The central percentile interval of resampled values [resamples]."""
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)

"""Two models on the same rows: the difference with its interval, and how likely so large a one is by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import permutation_test

from clues.statistics.bootstrap import interval, resampled_means

FLIPS = 9_999
"""Random sign flips; where 13 or fewer documents differ there are fewer than that, and all are tried: an exact test."""
AT_ONCE = 1_000
"""Of them, so that many documents fit into memory."""


def comparison(
    names: tuple[str, str],
    how: str,
    values: tuple[ArrayLike, ArrayLike],
    documents: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """One entry of `comparisons` in metrics.json: the mean of the first model minus that of the second.

    `values` holds both models' values on the same rows in the same order [N]; interval and tests are paired, which is
    far sharper than what two separate intervals suggest. Both p are two-sided, of the hypothesis that there is no
    difference, and count documents, not rows; None where one document alone says nothing about the spread.
    They are not corrected for the number of comparisons.
    """
    first, second = (np.asarray(v, np.float64) for v in values)
    if first.shape != second.shape:
        raise ValueError(f"{names[0]} has {len(first)} rows and {names[1]} {len(second)}: compare on the same rows")
    count = len(set(documents))
    means = resampled_means(first - second, documents, resamples, seed)
    low, high = interval(means) if count > 1 else (None, None)
    return {
        "a": names[0],
        "b": names[1],
        "how": how,
        "difference": float((first - second).mean()),
        "low": low,
        "high": high,
        "p_bootstrap": bootstrap_p(means) if count > 1 else None,
        "p_sign_flip": sign_flip_p(first - second, documents, seed) if count > 1 else None,
        "n": len(first),
        "documents": count,
    }


def bootstrap_p(means: NDArray[np.float64]) -> float:
    """Two-sided p of a mean of zero, from resampled means [resamples]: twice the share on the rarer side of zero.

    The counterpart of the percentile interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    Section 15.4); with the observed sample counted in, so that it is never 0.
    """
    rarer = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(means) + 1))


def sign_flip_p(differences: ArrayLike, documents: Sequence[str], seed: int = 0) -> float:
    """Two-sided p of the paired permutation test: under no difference, each document's could as well be the other way.

    The differences [N] of a document are flipped together, because its rows are not independent. A document without a
    difference has none to flip. Exact with few others, see FLIPS, otherwise by Monte Carlo with the observed signs
    counted in.
    """
    names, member = np.unique(np.asarray(documents, str), return_inverse=True)
    sums = np.bincount(member, np.asarray(differences, np.float64), len(names))
    sums = sums[sums != 0]
    if len(sums) < 2:
        return 1.0  # either sign is as far from zero
    tested = permutation_test(
        (sums,),
        lambda x, axis: x.sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=FLIPS,
        batch=AT_ONCE,
        rng=np.random.default_rng(seed),
    )
    return min(1.0, float(tested.pvalue))

"""Two models on the same rows: the difference with its interval, how likely so large a one is by chance, and when it
counts as clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import permutation_test

from clues.statistics.bootstrap import CONFIDENCE, interval, resampled_means

FLIPS = 9_999
"""Random sign flips; where 13 or fewer documents differ there are fewer than that, and all are tried: an exact test."""
AT_ONCE = 1_000
"""Of them, so that many documents fit into memory."""
LEVEL = 1 - CONFIDENCE
"""Of the sign-flip test, as the intervals are 95 % ones."""

Finding = Literal["better", "worse", "no clear difference", "one document or question says nothing about the spread"]
"""What may be said of the first of two models: the words of pages and terminal alike."""


@dataclass(frozen=True)
class Comparison:
    """The first model minus the second on the same rows; an entry of `comparisons` in metrics.json."""

    a: str
    b: str
    how: str
    """`federated` or `merged` arms, `adapter` and base, `questions` answered, or a judge's `reference` and `pairs`."""
    difference: float | None
    """Of the means; None where there is no row that both were measured on."""
    low: float | None
    """Ends of the 95 % interval over documents; like p None where one document alone says nothing about the spread."""
    high: float | None
    p_bootstrap: float | None
    """Two-sided, that there is no difference; not corrected for the number of comparisons."""
    p_sign_flip: float | None
    n: int
    """Rows or questions."""
    documents: int

    @property
    def is_clear(self) -> bool:
        """The one rule: the interval leaves zero out, and the sign-flip test agrees.

        With few documents a bootstrap interval is too narrow, and the test is exact there: of five documents that all
        differ alike the interval leaves zero out, and p is 1/16.
        """
        if self.low is None or self.high is None or self.p_sign_flip is None:
            return False
        return not self.low <= 0 <= self.high and self.p_sign_flip <= LEVEL

    def finding(self, lower_is_better: bool) -> Finding:
        """Whether `a` is better than `b`."""
        if self.low is None or self.high is None:
            return "one document or question says nothing about the spread"
        if not self.is_clear:
            return "no clear difference"
        return "better" if (self.high < 0) == lower_is_better else "worse"


def comparison(
    names: tuple[str, str],
    how: str,
    values: tuple[ArrayLike, ArrayLike],
    documents: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """The mean of the first model minus that of the second.

    `values` holds both models' values on the same rows in the same order [N]; interval and tests are paired, which is
    far sharper than what two separate intervals suggest, and count documents, not rows.
    """
    first, second = (np.asarray(v, np.float64) for v in values)
    if first.shape != second.shape:
        raise ValueError(f"{names[0]} has {len(first)} rows and {names[1]} {len(second)}: compare on the same rows")
    count = len(set(documents))
    means = resampled_means(first - second, documents, resamples, seed)
    low, high = interval(means) if count > 1 else (None, None)
    chances = (bootstrap_p(means), sign_flip_p(first - second, documents, seed)) if count > 1 else (None, None)
    return Comparison(*names, how, float((first - second).mean()), low, high, *chances, len(first), count)


def nothing_to_compare(names: tuple[str, str], how: str) -> Comparison:
    """Of models that were measured on no row together."""
    return Comparison(*names, how, None, None, None, None, None, 0, 0)


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

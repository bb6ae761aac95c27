"""How well a model predicts held-out answers: the negative log-likelihood (NLL) of their tokens, in nats.

A row counts by the mean over its response tokens, the test set by the mean over its rows: a long answer is not worth
more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from clues.statistics.bootstrap import Estimate, interval, resampled_means


def perplexity(
    nll: ArrayLike, tokens: ArrayLike, documents: Sequence[str], resamples: int = 2000, seed: int = 0
) -> Estimate:
    """exp of the mean NLL over all response tokens of the test set together.

    `nll` is each row's mean [N], `tokens` their number [N], end-of-turn tokens included. A row counts by its length
    here, as is usual for perplexity; it is not the exponential of `test_nll`, where each row counts the same.
    """
    tokens = np.asarray(tokens, np.float64)
    sums = np.stack([np.asarray(nll, np.float64) * tokens, tokens], axis=1)
    means = resampled_means(sums, documents, resamples, seed)
    several = len(set(documents)) > 1
    low, high = interval(np.exp(means[:, 0] / means[:, 1])) if several else (None, None)
    value = float(np.exp(sums[:, 0].sum() / tokens.sum()))
    return Estimate(value, low, high, len(sums), len(set(documents)))

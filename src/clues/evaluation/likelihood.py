"""How well a model predicts held-out answers: the negative log-likelihood (NLL) of their tokens, in nats.

A row counts by the mean over its response tokens, the test set by the mean over its rows: a long answer is not worth
more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clues.statistics.bootstrap import estimate, interval, resampled_means


def held_out_nll(nll: ArrayLike, documents: Sequence[str], resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """The `test_nll` entries of a model in metrics.json, from its NLL per row [N] (`scoring.forward.row_nll`)."""
    mean = estimate(nll, documents, resamples, seed)
    return {"test_nll": mean.value, "test_nll_low": mean.low, "test_nll_high": mean.high}


def perplexity(
    nll: ArrayLike, tokens: ArrayLike, documents: Sequence[str], resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """The `perplexity` entries of a model: exp of the mean NLL over all response tokens of the test set together.

    `nll` is each row's mean [N], `tokens` their number [N], end-of-turn tokens included. A row counts by its length
    here, as is usual for perplexity; it is not the exponential of `test_nll`, where each row counts the same.
    """
    tokens = np.asarray(tokens, np.float64)
    sums = np.stack([np.asarray(nll, np.float64) * tokens, tokens], axis=1)
    means = resampled_means(sums, documents, resamples, seed)
    several = len(set(documents)) > 1
    low, high = interval(np.exp(means[:, 0] / means[:, 1])) if several else (None, None)
    value = float(np.exp(sums[:, 0].sum() / tokens.sum()))
    return {"perplexity": value, "perplexity_low": low, "perplexity_high": high}

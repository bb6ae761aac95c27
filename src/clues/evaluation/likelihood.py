"""How well a model predicts held-out answers: the negative log-likelihood (NLL) of their tokens, in nats.

A row counts by the mean over its response tokens, the test set by the mean over its rows: a long answer is not worth
more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clues.evaluation.bootstrap import estimate


def held_out_nll(nll: ArrayLike, documents: Sequence[str], resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """The `test_nll` entries of a model in metrics.json, from its NLL per row [N] (`scoring.forward.row_nll`)."""
    mean = estimate(nll, documents, resamples, seed)
    return {"test_nll": mean.value, "test_nll_low": mean.low, "test_nll_high": mean.high}


def comparison(
    names: tuple[str, str],
    how: str,
    nll: tuple[ArrayLike, ArrayLike],
    documents: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """One entry of `comparisons` in metrics.json: NLL of the first model minus that of the second, negative if better.

    `nll` holds both models' values on the same rows in the same order; the interval is paired, which is far narrower
    than what two separate intervals suggest.
    """
    first, second = (np.asarray(values, np.float64) for values in nll)
    if first.shape != second.shape:
        raise ValueError(f"{names[0]} has {len(first)} rows and {names[1]} {len(second)}: compare on the same rows")
    difference = estimate(first - second, documents, resamples, seed)
    return {
        "a": names[0],
        "b": names[1],
        "how": how,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "n": difference.n,
        "documents": difference.documents,
    }

"""Scores from token likelihoods alone, and two that no model is needed for.

ℓ(a|q) is the mean negative log-likelihood of the response's tokens given the prompt, ℓ(a) without it, in nats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from clues.data.encoding import Encoded


def likelihood_scores(
    conditional: Sequence[np.ndarray], alone: Sequence[np.ndarray], encoded: Sequence[Encoded], seed: int = 0
) -> dict[str, np.ndarray]:
    """Channel -> float32 [rows], higher is better data; NaN where ℓ(a) is 0, so that there is no ratio to it.

    - `perplexity`: −ℓ(a|q), which ranks as −exp(ℓ(a|q)) does and cannot overflow.
    - `ifd`: −ℓ(a|q) / ℓ(a), the instruction-following difficulty (Cherry, arXiv 2308.12032, Section 2.2), negative:
      above a ratio of 1 the prompt makes the answer less likely, and the paper drops the row. (Below 1 the paper
      prefers high ratios, for it looks for what is worth learning among good rows, not for what is broken.)
    - `ira`: ℓ(a) − ℓ(a|q), the instruction-response alignment of FedDQC (arXiv 2410.11540).
    - `length`: tokens of the response.
    - `random`: uniform in [0, 1] from the row's tokens and the seed, so the same in any order of the rows.

    Args:
        conditional: NLL of each response token given the prompt, one array per row.
        alone: the same tokens without the prompt. A truncated row has fewer tokens with it: both means are over
            these.
        encoded: the rows with their prompts.
    """
    pairs = [(a[: len(q)], q[: len(a)]) for a, q in zip(alone, conditional, strict=True)]
    without = np.array([a.mean(dtype=float) for a, _ in pairs])
    given = np.array([q.mean(dtype=float) for _, q in pairs])
    channels = {
        "perplexity": perplexity(conditional),
        "ifd": -np.divide(given, without, out=np.full(len(pairs), np.nan), where=without > 0),
        "ira": without - given,
    }
    found = {name: np.asarray(values, np.float32) for name, values in channels.items()}
    return found | {"length": lengths(encoded), "random": uniform(encoded, seed)}


def perplexity(conditional: Sequence[np.ndarray]) -> np.ndarray:
    """`perplexity` of `likelihood_scores`, which needs no pass without the prompt."""
    return np.asarray([-nll.mean(dtype=float) for nll in conditional], np.float32)


def lengths(encoded: Sequence[Encoded]) -> np.ndarray:
    """`length` of `likelihood_scores`, which needs no model."""
    return np.asarray([sum(e.response_mask) for e in encoded], np.float32)


def uniform(encoded: Sequence[Encoded], seed: int) -> np.ndarray:
    """`random` of `likelihood_scores`, which needs no model."""
    contents = [repr((seed, e.input_ids, e.response_mask)).encode() for e in encoded]
    return np.asarray([int.from_bytes(hashlib.sha256(c).digest()[:8]) / 2**64 for c in contents], np.float32)

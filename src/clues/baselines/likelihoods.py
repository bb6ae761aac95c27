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
        "perplexity": [-nll.mean(dtype=float) for nll in conditional],
        "ifd": -np.divide(given, without, out=np.full(len(pairs), np.nan), where=without > 0),
        "ira": without - given,
        "length": [sum(e.response_mask) for e in encoded],
        "random": [_uniform(e, seed) for e in encoded],
    }
    return {name: np.asarray(values, np.float32) for name, values in channels.items()}


def _uniform(encoded: Encoded, seed: int) -> float:
    content = repr((seed, encoded.input_ids, encoded.response_mask))
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8]) / 2**64

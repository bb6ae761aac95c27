"""Forward channels: what the base model's likelihoods alone say about a row, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clues.data.encoding import Encoded

GAIN_TOKENS = 60
"""The question's information gain is looked for in the first tokens of an answer: later ones follow from the answer
itself."""
TOP_TOKENS = 5
"""And counted in the tokens that it tells most about, the names and terms that question and answer share: an answer to
another question has none, and what the question does not touch only adds noise (docs/LOG.md)."""


@dataclass(frozen=True)
class Forward:
    """Forward channels of rows and the token terms they are made of."""

    channels: dict[str, np.ndarray]
    """Channel -> float32 [rows]; NaN where a row has no such value (no end token in a truncated row)."""
    fluency: list[np.ndarray]
    """Per row, one term per response token; they add up to `fluency.forward`."""
    relevance: list[np.ndarray]
    """Per row, one term per response token, 0 but for the few that count; they add up to `relevance.forward`."""


def forward_channels(
    conditional: Sequence[np.ndarray],
    alone: Sequence[np.ndarray],
    encoded: Sequence[Encoded],
) -> Forward:
    """Channels from token NLLs under the base model.

    `fluency.forward` = −ℓ(a|q); `relevance.forward` = the sum of the five largest ℓ_t(a) − ℓ_t(a|q) among the first
    60 tokens (IRA, arXiv 2410.11540, where it tells most); `completeness.forward` = log-probability of the end token.

    Args:
        conditional: NLL of each response token given the prompt, one array per row.
        alone: the same tokens without the prompt.
        encoded: the rows with their prompts, for the places of their end tokens.
    """
    relevance = [_gain(a, q) for a, q in zip(alone, conditional, strict=True)]
    fluency, completeness = likelihood_channels(conditional, encoded)
    channels = {
        "fluency.forward": fluency,
        "relevance.forward": np.array([t.sum() for t in relevance], np.float32),
        "completeness.forward": completeness,
    }
    return Forward(channels, [-nll / len(nll) for nll in conditional], relevance)


def likelihood_channels(nll: Sequence[np.ndarray], encoded: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray]:
    """−ℓ(a|q) and the log-probability of the end token (NaN in a truncated row), float32 [rows] each, from token NLLs.

    Under the base they are `fluency.forward` and `completeness.forward`; under a checkpoint, from the pass that reads
    the gradients, `fluency.trained` and `completeness.trained`.
    """
    ends = [-x[_ends(e)].mean() if _ends(e) else np.nan for x, e in zip(nll, encoded, strict=True)]
    return np.array([-x.mean() for x in nll], np.float32), np.array(ends, np.float32)


def _gain(alone: np.ndarray, conditional: np.ndarray) -> np.ndarray:
    # The tokens are the same with and without a prompt; a truncated row is shorter with it.
    used = min(GAIN_TOKENS, len(alone), len(conditional))
    gain = alone[:used] - conditional[:used]
    top = np.argsort(-gain, kind="stable")[:TOP_TOKENS]
    terms = np.zeros(len(conditional), np.float32)
    terms[top] = gain[top]
    return terms


def _ends(encoded: Encoded) -> list[int]:
    """Places of the end tokens among the predicted response tokens."""
    places = [position for position, response in enumerate(encoded.response_mask) if response]
    return [places.index(position) for position in encoded.end_positions]

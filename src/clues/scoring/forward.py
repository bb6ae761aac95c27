"""Forward channels: what the base model's likelihoods alone say about a row, before any training.

W word: what stands between spaces, or a sign of a script without them. The surprise of a word is the sum of its tokens'
negative log-likelihoods, so that how a tokenizer splits words does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clues.data.encoding import Encoded
from clues.data.rows import Row
from clues.scoring.contributions import word_places

CONTRASTS = 2
"""Other questions that an answer is read under, the most similar public ones (docs/LOG.md)."""
GAIN_TOKENS = 60
"""The question's information gain is looked for in the first tokens of an answer: later ones follow from the answer
itself."""
TOP_TOKENS = 5
"""And counted in the tokens that it tells most about, the names and terms that question and answer share: an answer to
another question has none, and what the question does not touch only adds noise (docs/LOG.md)."""
SURPRISING = 0.2
"""Share of a row's words, the most surprising ones, that count no more than the most surprising of the others: typing
errors are few and very surprising, damage is spread over an answer (docs/LOG.md)."""
WORDS_IN_A_ROW = 5
"""Words in a row that are all foreseen, without any question, were said before."""


@dataclass(frozen=True)
class Forward:
    """Forward channels of rows and the token terms they are made of."""

    channels: dict[str, np.ndarray]
    """Channel -> float32 [rows]; NaN where a row has no such value (no end token in a truncated row)."""
    terms: dict[str, list[np.ndarray]]
    """Criterion -> per row, one term per response token; they add up to the criterion's forward channel."""


@dataclass(frozen=True)
class Readings:
    """Negative log-likelihoods of the rows' response tokens, one array per row, each read in one pass."""

    conditional: Sequence[np.ndarray]
    """Given the row's own prompt."""
    alone: Sequence[np.ndarray]
    """Without any prompt. A truncated row is shorter with it; the tokens are the same."""
    contrasts: Sequence[Sequence[np.ndarray]]
    """Under other questions, the first `GAIN_TOKENS` tokens at least; none where there is no other question."""


def forward_channels(readings: Readings, rows: Sequence[Row], encoded: Sequence[Encoded]) -> Forward:
    """Channels from token NLLs under the base model.

    - `fluency.forward`: minus the mean surprise of the words, of which those of the most surprising fifth count
      no more than the most surprising of the others (a winsorised mean).
    - `relevance.forward`: the sum of the five largest terms, among the first 60 tokens, of ℓ_t(a|q') − ℓ_t(a|q), the
      mean over similar questions q' (ℓ_t(a) in its place where there is none): what this question tells that another
      does not (after IRA, arXiv 2410.11540).
    - `completeness.forward`: the log-probability of the end token.
    - `novelty.forward`: the least mean surprise of five words in a row, without any question: words that are all
      foreseen repeat what was said.

    Args:
        readings: of these rows. rows: for their texts. encoded: the rows with their prompts.
    """
    places = [word_places(r.response, e.spans) for r, e in zip(rows, encoded, strict=True)]
    fluency = [_fluency(q, p) for q, p in zip(readings.conditional, places, strict=True)]
    novelty = [_novelty(a, p) for a, p in zip(readings.alone, places, strict=True)]
    relevance = [_gain(reference, q) for reference, q in zip(_references(readings), readings.conditional, strict=True)]
    terms = {"fluency": fluency, "relevance": relevance, "novelty": novelty}
    sums = {f"{name}.forward": np.array([t.sum() for t in values], np.float32) for name, values in terms.items()}
    _, completeness = likelihood_channels(readings.conditional, encoded)
    return Forward(sums | {"completeness.forward": completeness}, terms)


def likelihood_channels(nll: Sequence[np.ndarray], encoded: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray]:
    """−ℓ(a|q) and the log-probability of the end token (NaN in a truncated row), float32 [rows] each, from token NLLs.

    From the pass that reads the gradients under a checkpoint they are `fluency.trained` and `completeness.trained`.
    """
    ends = [-x[_ends(e)].mean() if _ends(e) else np.nan for x, e in zip(nll, encoded, strict=True)]
    return np.array([-x.mean() for x in nll], np.float32), np.array(ends, np.float32)


def _fluency(nll: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Terms of the tokens, those of a word in proportion to their surprise; the end of a response is no word."""
    places = places[: len(nll)]
    surprise = np.bincount(places[places >= 0], nll[places >= 0])
    if not surprise.any():
        return np.zeros(len(nll), np.float32)
    count = len(np.unique(places[places >= 0]))
    most = np.sort(surprise)[::-1][int(SURPRISING * count)]
    factor = np.minimum(surprise, most) / np.maximum(surprise, np.finfo(np.float32).tiny) / count
    return np.where(places >= 0, -nll * factor[places], 0).astype(np.float32)


def _novelty(nll: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Terms of the tokens of the most foreseen words in a row; of all words where there are not more."""
    terms = np.zeros(len(places), np.float32)
    inside = np.flatnonzero(places[: len(nll)] >= 0)
    if not len(inside):
        return terms
    words, place = np.unique(places[inside], return_inverse=True)
    size = min(WORDS_IN_A_ROW, len(words))
    first = int(np.convolve(np.bincount(place, nll[inside]), np.ones(size), "valid").argmin())
    chosen = inside[(place >= first) & (place < first + size)]
    terms[chosen] = nll[chosen] / size
    return terms


def _references(readings: Readings) -> list[np.ndarray]:
    """Per row what a token's likelihood is held against."""
    if not readings.contrasts:
        return list(readings.alone)
    by_row = zip(*readings.contrasts, strict=True)
    return [np.mean([nll[: min(map(len, some))] for nll in some], axis=0) for some in by_row]


def _gain(reference: np.ndarray, conditional: np.ndarray) -> np.ndarray:
    # The tokens are the same whatever the prompt; a truncated row is shorter with a longer one.
    used = min(GAIN_TOKENS, len(reference), len(conditional))
    gain = reference[:used] - conditional[:used]
    top = np.argsort(-gain, kind="stable")[:TOP_TOKENS]
    terms = np.zeros(len(conditional), np.float32)
    terms[top] = gain[top]
    return terms


def _ends(encoded: Encoded) -> list[int]:
    """Places of the end tokens among the predicted response tokens."""
    places = [position for position, response in enumerate(encoded.response_mask) if response]
    return [places.index(position) for position in encoded.end_positions]

"""What a model said of rows' response tokens: negative log-likelihoods under the row's own prompt, others, and none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clues.scoring.channel import TRAINED, Channel
from clues.scoring.contributions import word_places

if TYPE_CHECKING:  # selection needs the channels without what encodes rows
    from clues.data.encoding import Encoded
    from clues.data.rows import Row


@dataclass(frozen=True)
class Readings:
    """Negative log-likelihoods of the rows' response tokens, one array per row, each read in one pass."""

    conditional: Sequence[np.ndarray]
    """Given the row's own prompt."""
    alone: Sequence[np.ndarray]
    """Without any prompt. A truncated row is shorter with it; the tokens are the same."""
    contrasts: Sequence[Sequence[np.ndarray]]
    """Under other questions, the first `GAIN_TOKENS` tokens at least; none where there is no other question."""

    def by_row(self, rows: Sequence[Row], encoded: Sequence[Encoded]) -> Iterator[RowReading]:
        """One row after the other. `rows` for their texts, `encoded` with their prompts."""
        parts = zip(self.conditional, self.alone, self._references(), rows, encoded, strict=True)
        for conditional, alone, reference, row, e in parts:
            yield RowReading(conditional, alone, reference, word_places(row.response, e.spans), end_places(e))

    def _references(self) -> list[np.ndarray]:
        if not self.contrasts:
            return list(self.alone)
        by_row = zip(*self.contrasts, strict=True)
        return [np.mean([nll[: min(map(len, some))] for nll in some], axis=0) for some in by_row]


@dataclass(frozen=True)
class RowReading:
    """What the base model said of one row of T response tokens."""

    conditional: np.ndarray
    """[T] given the prompt."""
    alone: np.ndarray
    """[T, or more in a truncated row] without any prompt."""
    reference: np.ndarray
    """[first tokens] the mean under other questions; without any prompt where there are none."""
    places: np.ndarray
    """[as `alone`] which word each token is of; -1 for the end of a response."""
    ends: list[int]
    """Places of the end tokens; none in a truncated row."""


LIKELIHOODS = (Channel("fluency", TRAINED), Channel("completeness", TRAINED))
"""What `likelihood_channels` are in the pass that reads the gradients under a checkpoint; no criterion counts them."""


def likelihood_channels(nll: Sequence[np.ndarray], encoded: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray]:
    """−ℓ(a|q) and the log-probability of the end token (NaN in a truncated row), float32 [rows] each."""
    ends = [end_likelihood(x, end_places(e)) for x, e in zip(nll, encoded, strict=True)]
    return np.array([-x.mean() for x in nll], np.float32), np.array(ends, np.float32)


def end_likelihood(nll: np.ndarray, ends: list[int]) -> float:
    """Mean log-probability of the tokens at `ends`; NaN where there is none."""
    return -nll[ends].mean() if ends else np.nan


def end_places(encoded: Encoded) -> list[int]:
    """Places of the end tokens among the predicted response tokens; none in a truncated row, also one whose first
    answers are whole: of such a conversation nothing can be said as a whole."""
    if encoded.truncated:
        return []
    places = encoded.response_places
    return [places.index(position) for position in encoded.end_positions]

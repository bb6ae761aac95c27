"""From what each token contributes to a score to what each word does: sums stay sums, so that nothing counts twice.

A word counts as it is written, with all that touches it: the pieces of `clues.data.words`, which leave no token out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.data.words import piece_spans


@dataclass(frozen=True)
class Words:
    """Words of a response with their contributions; the last one is its end."""

    start: np.ndarray
    """[W] first character of each word; where the text ends for the last."""
    end: np.ndarray
    """[W]"""
    value: dict[str, np.ndarray]
    """Criterion -> [W], adding up to the row's forward channel."""

    @staticmethod
    def texts(text: str) -> list[str]:
        """The words themselves [W - 1], without the end."""
        return [text[start:end] for start, end in piece_spans(text)]


def words_of(text: str, start: Sequence[int], values: Mapping[str, Sequence[float]]) -> Words:
    """Add each token's contribution to the word in which it starts, or to the next one if it starts between words.

    Args:
        text: the response.
        start: [T] first character of each token.
        values: criterion -> [T].
    """
    spans = _spans(text)
    place = _places(spans, start)
    sums = {name: np.bincount(place, np.asarray(v, float), len(spans)) for name, v in values.items()}
    return Words(np.array([s for s, _ in spans]), np.array([e for _, e in spans]), sums)


def word_places(text: str, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """[T] number of the word that each token belongs to, −1 for a token without characters, such as the end of a turn.

    Args:
        text: the response.
        spans: [T] characters of each token, see `Encoded.spans`.
    """
    start, end = np.asarray(spans, int).reshape(-1, 2).T
    return np.where(end > start, _places(_spans(text), start), -1)


def _spans(text: str) -> list[tuple[int, int]]:
    """First and last character of every word, and of the end."""
    return [*piece_spans(text), (len(text), len(text))]


def _places(spans: Sequence[tuple[int, int]], start: Sequence[int] | np.ndarray) -> np.ndarray:
    ends = np.array([e for _, e in spans])
    return np.minimum(np.searchsorted(ends, np.asarray(start, int), side="right"), len(spans) - 1)

"""Shaded words: how strongly each is underlined for what it contributes to a score."""

from __future__ import annotations

from typing import Any

import numpy as np

from clues.folders.explanations import EXPLAINED
from clues.scoring.contributions import Words

AGAINST = (1.5, 1.75, 2.0)
"""Fluency: a word is shaded when it speaks against the row this many times as much as a usual word speaks at all. The
most surprising fifth of the words counts alike, mostly 1.7 to 2.3 times as much as a usual word."""
FOR = tuple(np.log([2.0, 8.0, 32.0]))
"""Relevance: a word is shaded when its own question makes it this many times as likely as other questions do, which
speaks for the row."""
SAID_BEFORE = 2
"""Novelty: how strongly the words are shaded that were foreseen most; none of them carries the score more than
another, for it is all of them together that were said before."""
MOST_LISTED = 6
END = "(its end)"
"""Stands for the end-of-turn token, which has no text."""

Piece = tuple[Any, ...]
"""A piece of text and its level for each criterion in `EXPLAINED`."""


def levels(value: np.ndarray, criterion: str) -> np.ndarray:
    """How strongly each word is shaded, [W] from 0 to 3: for fluency what speaks against the row (negative values), for
    relevance what speaks for it (positive values, of the few tokens that count), for novelty the words in a row that
    the score is made of."""
    if criterion == "relevance":
        return np.searchsorted(FOR, value, side="right")
    if criterion == "novelty":
        return SAID_BEFORE * _from_first_to_last(value != 0)
    usual = np.abs(value).mean() or 1.0
    return np.searchsorted(AGAINST, -value / usual, side="right")


def listed(text: str, words: Words, criterion: str) -> list[tuple[str, float]]:
    """The words that count most with their contributions: the worst for fluency, the best for relevance, and for
    novelty all that count, in their order."""
    value = words.value[criterion]
    counts = value != 0 if criterion == "relevance" else levels(value, criterion) > 0
    order = {"relevance": -value, "novelty": words.start}.get(criterion, value)
    chosen = [i for i in np.argsort(order, kind="stable") if counts[i]][:MOST_LISTED]
    return [(text[words.start[i] : words.end[i]] or END, float(value[i])) for i in chosen]


def segments(text: str, words: Words | None) -> list[Piece]:
    """The text in pieces that are shaded alike, with their levels; they join to `text`."""
    none = (0,) * len(EXPLAINED)
    if words is None:
        return [(text, *none)]
    by_word = zip(*(levels(words.value[name], name).tolist() for name in EXPLAINED), strict=True)
    pieces: list[Piece] = []
    at = 0
    for start, end, shades in zip(words.start, words.end, by_word, strict=True):
        if start >= len(text):
            break
        if start > at:
            _append(pieces, text[at:start], none)
        _append(pieces, text[start:end], shades)
        at = min(end, len(text))
    _append(pieces, text[at:], none)
    return pieces


def _append(pieces: list[Piece], text: str, shades: tuple[int, ...]) -> None:
    if pieces and pieces[-1][1:] == shades:
        pieces[-1] = (pieces[-1][0] + text, *shades)
    elif text:
        pieces.append((text, *shades))


def _from_first_to_last(chosen: np.ndarray) -> np.ndarray:
    """[W] 1 from the first word chosen to the last, also where one between them is foreseen so surely that it is 0."""
    places = np.flatnonzero(chosen)
    found = np.zeros(len(chosen), int)
    if len(places):
        found[places[0] : places[-1] + 1] = 1
    return found

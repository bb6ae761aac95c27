"""Shaded words: how strongly each is underlined for what it contributes to a score."""

from __future__ import annotations

import numpy as np

from clues.scoring.contributions import Words

SHADED = ("fluency", "relevance")
"""Criteria whose scores are sums over the tokens; completeness hangs on the end alone."""
AGAINST = (2.0, 3.0, 5.0)
"""Fluency: a word is shaded when it speaks against the row this many times as much as a usual word speaks at all."""
FOR = tuple(np.log([2.0, 8.0, 32.0]))
"""Relevance: a word is shaded when the question makes it this many times as likely, which speaks for the row."""
MOST_LISTED = 6
END = "(its end)"
"""Stands for the end-of-turn token, which has no text."""


def levels(value: np.ndarray, criterion: str) -> np.ndarray:
    """How strongly each word is shaded, [W] from 0 to 3: for fluency what speaks against the row (negative values), for
    relevance what speaks for it (positive values, of the few tokens that count)."""
    if criterion == "relevance":
        return np.searchsorted(FOR, value, side="right")
    usual = np.abs(value).mean() or 1.0
    return np.searchsorted(AGAINST, -value / usual, side="right")


def listed(text: str, words: Words, criterion: str) -> list[tuple[str, float]]:
    """The words that count most with their contributions: the worst for fluency, the best for relevance."""
    value = words.value[criterion]
    counts, order = (value != 0, -value) if criterion == "relevance" else (levels(value, criterion) > 0, value)
    chosen = [i for i in np.argsort(order, kind="stable") if counts[i]][:MOST_LISTED]
    return [(text[words.start[i] : words.end[i]] or END, float(value[i])) for i in chosen]


def segments(text: str, words: Words | None) -> list[tuple[str, int, int]]:
    """The text in pieces that are shaded alike: (piece, level for fluency, for relevance); they join to `text`."""
    if words is None:
        return [(text, 0, 0)]
    fluency, relevance = (levels(words.value[name], name) for name in SHADED)
    pieces: list[tuple[str, int, int]] = []
    at = 0
    for start, end, f, r in zip(words.start, words.end, fluency, relevance, strict=True):
        if start >= len(text):
            break
        if start > at:
            _append(pieces, text[at:start], 0, 0)
        _append(pieces, text[start:end], int(f), int(r))
        at = min(end, len(text))
    _append(pieces, text[at:], 0, 0)
    return pieces


def _append(pieces: list[tuple[str, int, int]], text: str, f: int, r: int) -> None:
    if pieces and pieces[-1][1:] == (f, r):
        pieces[-1] = (pieces[-1][0] + text, f, r)
    elif text:
        pieces.append((text, f, r))

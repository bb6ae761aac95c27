"""How many good rows a bar drops at most, whichever bar is chosen after looking at the p-values."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from clues.selection.rules import bar_rank

DRAWS = 4000
"""Draws of good rows' p-values that the bound is made from; their number costs a little width, never validity."""


def most_good(p: float, anchors: int, rows: int, confidence: float = 0.95) -> int:
    """Upper bound on how many good rows have a p-value of at most `p`, for all `p` at once.

    With this confidence over draws of anchors and rows it holds at every bar together, so the bar may be chosen
    afterwards (Song, Jin and Candès, arXiv 2605.20726; there in more general shapes). It assumes what the p-values do:
    good rows are exchangeable with the anchors. How many of the rows are good is not known, so all are taken to be.

    Args:
        p: a p-value, such as the largest among the dropped rows.
        anchors: n. rows: m, of one owner.
    """
    step = bar_rank(p, anchors)
    return 0 if step < 1 else int(_envelope(anchors, rows, confidence)[min(step, anchors + 1) - 1])


@lru_cache(maxsize=8)
def _envelope(anchors: int, rows: int, confidence: float) -> np.ndarray:
    """[n + 1] for each k: how many of m good rows have a p of at most k / (n + 1), at most.

    Anchors cut the line into n + 1 gaps whose chances are uniform on the simplex, and a good row falls into each gap
    with its chance: whatever the score is. Of the drawn curves the most extreme are left out, by how rare their
    highest point is; the highest of the others is the envelope. One draw more is left out than the share asks for,
    so that the true curve, which is as likely to be in any place among them, lies under it with the confidence asked.
    """
    rng = np.random.default_rng(0)
    gaps = rng.dirichlet(np.ones(anchors + 1), DRAWS)
    curves = np.cumsum(rng.multinomial(rows, gaps), axis=1)  # [DRAWS, n + 1]
    ordered = np.sort(curves, axis=0)
    not_lower = np.stack([DRAWS - np.searchsorted(o, c, side="left") for o, c in zip(ordered.T, curves.T, strict=True)])
    rarity = not_lower.min(axis=0)  # [DRAWS] least number of curves that are as high, over all k
    left_out = int(np.floor((1 - confidence) * (DRAWS + 1)))
    kept = np.argsort(rarity, kind="stable")[max(left_out - 1, 0) :]
    return curves[kept].max(axis=0)

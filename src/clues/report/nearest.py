"""The kept row whose question is most like a row's own: what a good answer to such a question looks like here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_COMPARED = 20_000
"""Kept rows that are compared with, spread evenly over the file: keeps a large file to seconds."""


@dataclass(frozen=True)
class Nearest:
    index: int
    """Position among the kept rows."""
    likeness: float
    """Cosine of the questions' TF-IDF vectors over character n-grams, from 0 to 1."""


def nearest_kept(prompts: Sequence[str], kept: Sequence[str], own: Sequence[int | None]) -> list[Nearest | None]:
    """For each prompt the kept row with the most similar prompt; None where nothing is alike.

    Character n-grams need no spaces between words, so they serve every script.

    Args:
        own: position of each prompt's own row among the kept ones, so that no row is its own neighbour.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import NearestNeighbors

    compared = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), MOST_COMPARED)).astype(int)) if kept else []
    if not len(compared) or not prompts:
        return [None] * len(prompts)
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_features=2**16, sublinear_tf=True)
    table = vectors.fit_transform([kept[i] for i in compared])
    search = NearestNeighbors(n_neighbors=min(2, len(compared)), metric="cosine", algorithm="brute").fit(table)
    distances, places = search.kneighbors(vectors.transform(prompts))
    return [_first_other(d, compared[p], mine) for d, p, mine in zip(distances, places, own, strict=True)]


def _first_other(distances: np.ndarray, kept: np.ndarray, own: int | None) -> Nearest | None:
    for distance, index in zip(distances, kept, strict=True):
        if index != own:
            return Nearest(int(index), float(1 - distance)) if distance < 1 - 1e-9 else None
    return None

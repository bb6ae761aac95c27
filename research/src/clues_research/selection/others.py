"""The other scorers of the study, read off a table: one number per row, higher is better data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from clues.kernels.conformal import conformal, in_deviations
from clues_research.selection.measure import Judged
from clues_research.selection.read import Table

Score = Callable[[Table, Sequence[int]], np.ndarray]
"""(table, checkpoints) -> [R]"""

PUBLISHED = ("dot", "adam", "adam-written", "dot-first", "adam-first")


def gist(table: Table, checkpoints: Sequence[int]) -> np.ndarray:
    """Alignment with the mean validation gradient in the subspace of the validation gradients' singular vectors
    (GIST, arXiv 2602.18584): the cosine of both projections, the mean over checkpoints."""
    found = []
    for k in checkpoints:
        rank = sum(name.startswith("svd-mean-") and name.endswith(f"@{k}") for name in table.columns)
        rows = np.stack([table.columns[f"svd-{i}@{k}"] for i in range(rank)], axis=1).astype(float)
        mean = np.array([table.columns[f"svd-mean-{i}@{k}"][0] for i in range(rank)], float)
        found.append(rows @ mean / (np.linalg.norm(rows, axis=1) * np.linalg.norm(mean)))
    return np.mean(found, axis=0)


def _named(name: str) -> Score:
    return lambda table, checkpoints: table.channel(name, checkpoints)


def _last(name: str) -> Score:
    return lambda table, _checkpoints: table.channel(name, (table.checkpoints,))


OTHERS: dict[str, Score] = {
    **{f"published.{form}": _named(f"published.{form}") for form in PUBLISHED},
    "less": _named("less"),
    "datainf": _last("datainf"),
    "gist": gist,
    **{name: _named(name) for name in ("perplexity", "ifd", "ira", "similarity.max", "similarity.mean")},
    **{name: _named(name) for name in ("length", "random")},
}
"""Each the mean over both checkpoints of the first pass, where a table has them; DataInf, whose passes are dear, at the
last one."""


def judged(table: Table, scorer: str, checkpoints: Sequence[int], anchors: np.ndarray | None = None) -> Judged:
    """A scorer's verdict against the same anchors, or some of them, as `clues score --scorer` gives it."""
    scores = OTHERS[scorer](table, checkpoints)
    own = scores[table.role("anchor")]
    evidence, anchor_evidence = in_deviations(scores, own if anchors is None else own[anchors])
    found = conformal(np.nan_to_num(evidence, nan=0.0)[:, None], anchor_evidence[:, None])
    return Judged(found.statistic, found.p, anchor_evidence)

"""Do the rules keep what they promise? Anchors drawn anew many times, few and many of them, clean and dirty.

Rows that are exchangeable with the anchors are the anchors that were not drawn and the rows held back; the clients' own
clean rows were trained on, and the unseen site's rows come from elsewhere: for them nothing is proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from clues.config import SelectionSettings
from clues.kernels.conformal import conformal
from clues.selection.rules import keep_rows
from clues_research.selection import ours
from clues_research.selection.measure import ALL, PLAIN, against, bad_rows
from clues_research.selection.read import Table

SIZES = (10, 20, 40, 80, 160)
DIRT = (0.0, 0.05, 0.2)
"""Share of the anchors that are spoiled rows (of kinds that are not subtle), and nobody knows."""
ALPHAS = (0.05, 0.1, 0.2)
Q = 0.1
LOOKED_AT = 0.2
"""Share of the anchors, the worst ones, that a person reads; the spoiled among them are taken out."""
DRAWS = 100


def validity(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """One entry per number of anchors and share of dirty ones: shares dropped, means over draws and tables."""
    return [_entry(tables, size, dirt) for size in SIZES for dirt in DIRT if not 0 < dirt * size < 1]


def _entry(tables: Sequence[Table], size: int, dirt: float) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    for table in tables:
        evidence = np.stack(list(ours.evidence(table, ours.Variant()).values()), axis=1)
        for draw in range(DRAWS):
            anchors, rest = _drawn(table, size, dirt, draw)
            for name, value in _shares(table, evidence, anchors, rest):
                found.setdefault(name, []).append(value)
    shares = {name: float(np.mean(values)) for name, values in found.items()}
    return {"anchors": size, "dirty": dirt, "spread": float(np.std(found["trained 0.1"])), **shares}


def _drawn(table: Table, size: int, dirt: float, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows that serve as anchors, and the exchangeable ones left over; spoiled ones are drawn with replacement."""
    rng = np.random.default_rng([draw, size, round(100 * dirt)])
    pool = rng.permutation(np.flatnonzero(table.role("anchor") | table.role("heldback")))
    dirty = rng.choice(bad_rows(table), round(dirt * size))
    clean = size - len(dirty)
    return np.concatenate([pool[:clean], dirty]), pool[clean:]


def _shares(table: Table, evidence: np.ndarray, anchors: np.ndarray, rest: np.ndarray) -> Iterator[tuple[str, float]]:
    found = conformal(evidence, evidence[anchors])
    spoiled = against(table, PLAIN) & ~table.clean
    groups = {"exchangeable": rest, "trained": table.mixture & table.clean, "unseen": table.role("unseen")}
    for name, rows in {**groups, "caught": spoiled}.items():
        for alpha in ALPHAS:
            yield f"{name} {alpha}", float((found.p[rows] <= alpha).mean())
    yield "fdr", _good_among_dropped(table, found.p, found.statistic)
    read = anchors[np.argsort(found.statistic[anchors])[: round(LOOKED_AT * len(anchors))]]
    left = np.setdiff1d(anchors, read[~table.clean[read]])
    after = conformal(evidence, evidence[left])
    for name, rows in (("exchangeable", rest), ("caught", spoiled)):
        yield f"{name} after reading", float((after.p[rows] <= 0.1).mean())


def _good_among_dropped(table: Table, p: np.ndarray, statistic: np.ndarray) -> float:
    """Of what the rule `fdr` drops, client by client; 0 where it drops nothing, as FDR is defined."""
    good = dropped = 0
    for client in np.unique(table.columns["client"][table.mixture]):
        own = against(table, ALL) & (table.columns["client"] == client)
        out = ~keep_rows(SelectionSettings("fdr", q=Q), p[own], statistic[own], np.empty(0))
        good, dropped = good + int((out & table.clean[own]).sum()), dropped + int(out.sum())
    return good / max(dropped, 1)

"""Table 6: scored samples: rows of the lowest, middle and highest score, with what was done to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from experiments.reproduction.artefact import WHOSE, Artefact
from experiments.reproduction.claims import Finding
from experiments.reproduction.estimates import RESAMPLES, from_resamples
from experiments.reproduction.results import Results
from experiments.reproduction.selections import CLUES, PUBLISHED, judged, kept
from experiments.reproduction.tables import Planned
from experiments.reproduction.worlds import SEEDS
from experiments.selection.mixtures import draw
from experiments.selection.read import Table

from clues.evaluation.ranking import auc, resampled_auc

WORLD = "medquad-40"
EACH = 3
"""Rows from each end and from the middle, by our evidence."""
LONGEST = 220
"""Characters of a text that are shown."""


def make(results: Results) -> Artefact:
    """Rows of the first seed that has a table; the packaged pool is theirs, so their text can be shown."""
    found = {seed: results.table(Planned(results.worlds[WORLD], seed)) for seed in SEEDS}
    tables = {seed: table for seed, table in found.items() if table is not None}
    lines = list(_samples(results, *next(iter(tables.items())))) if tables else []
    shown = ("kind", "clues", "published", "kept_by_clues", "kept_by_published", "question", "answer")
    return Artefact("table6", "Table 6: scored samples", lines, list(_findings(tables)), shown=shown)


def _samples(results: Results, seed: int, table: Table) -> Iterator[dict[str, Any]]:
    parts = [part for part in draw(results.worlds[WORLD].mixture, seed).parts if part.role == "client"]
    rows = [row for part in parts for row in part.rows]
    at = np.flatnonzero(table.role("client"))
    scores = {whose: judged(table, whose).statistic[at] for whose in WHOSE}
    keep = {whose: kept(table, whose)[at] for whose in WHOSE}
    order, middle = np.argsort(scores[CLUES], kind="stable"), len(at) // 2
    chosen = [*order[:EACH], *order[middle : middle + EACH], *order[-EACH:]]
    for i in chosen:
        yield {
            "kind": str(table.columns["kind"][at[i]]),
            CLUES: float(scores[CLUES][i]),
            PUBLISHED: float(scores[PUBLISHED][i]),
            "kept_by_clues": bool(keep[CLUES][i]),
            "kept_by_published": bool(keep[PUBLISHED][i]),
            "question": _short(rows[i].prompt),
            "answer": _short(rows[i].response),
        }


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= LONGEST else folded[: LONGEST - 2].rsplit(" ", 1)[0] + " …"


def _findings(tables: dict[int, Table]) -> Iterator[Finding]:
    for whose in WHOSE if tables else ():
        areas, n = [], 0
        for seed, table in tables.items():
            rows = table.role("client")
            clean, score = table.clean[rows], judged(table, whose).statistic[rows]
            areas.append(np.concatenate([[auc(clean, score) or 0.0], resampled_auc(clean, score, RESAMPLES, seed)]))
            n += int(rows.sum())
        made = from_resamples(np.mean(areas, axis=0) - 0.5, n)
        ends = made.value, made.low, made.high, made.n
        yield Finding("scores tell good from bad", whose, "AUC − 0.5", *ends, tuple(tables), "AUC")

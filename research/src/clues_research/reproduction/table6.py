"""Table 6: scored samples: rows of the lowest, middle and highest score, with what was done to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from clues_research.reproduction.artefact import WHOSE, Artefact, area, tables_of
from clues_research.reproduction.charts import strips
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import over_seeds
from clues_research.reproduction.results import Results
from clues_research.reproduction.selections import CLUES, PUBLISHED, judged, kept
from clues_research.selection.mixtures import draw
from clues_research.selection.read import Table

WORLD = "medquad-40"
EACH = 3
"""Rows from each end and from the middle, by our evidence."""
LONGEST = 220
"""Characters of a text that are shown."""
NOTES = (
    "Three rows of the lowest, of the middle and of the highest evidence of the first seed. clues: the evidence, in "
    "nats in favour of a good row. published: the paper's score; it has no unit.",
)


def make(results: Results) -> Artefact:
    """Rows of the first seed that has a table; the packaged pool is theirs, so their text can be shown."""
    tables = tables_of(results, WORLD)
    lines = list(_samples(results, *next(iter(tables.items())))) if tables else []
    shown = ("kind", "clues", "published", "kept_by_clues", "kept_by_published", "question", "answer")
    chart = _chart(next(iter(tables.values()))) if tables else None
    return Artefact("table6", "Table 6: scored samples", lines, list(_findings(tables)), chart, NOTES, (shown,))


def _chart(table: Table):
    """Every row's place among all rows of its seed, by both scores."""
    rows = table.role("client")
    marks = []
    for whose in WHOSE:
        score = judged(table, whose).statistic[rows]
        places = np.argsort(np.argsort(score)) / (len(score) - 1)
        kinds = table.columns["kind"][rows]
        marks += [{"kind": str(k), "score": whose, "place": float(p)} for k, p in zip(kinds, places, strict=True)]
    return strips(marks, "place", "kind", "score", "place among all rows by score, 1 is the best")


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
        each = {seed: area(table, whose) - 0.5 for seed, table in tables.items()}
        yield Finding("scores tell good from bad", whose, "AUC − 0.5", over_seeds(each, (-0.5, 0.5)), "AUC")

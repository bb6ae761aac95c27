"""Table 3: FiQA, clients of unlike quality: which rule selects best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from experiments.reproduction.artefact import WHOSE, Artefact
from experiments.reproduction.claims import Finding
from experiments.reproduction.estimates import from_resamples
from experiments.reproduction.results import Results
from experiments.reproduction.selections import CLUES, RULE, SELECTED, clients, judged
from experiments.reproduction.tables import Planned
from experiments.reproduction.worlds import FIQA_SHARES, SEEDS
from experiments.selection.intervals import rates
from experiments.selection.read import Table

from clues.config import SelectionSettings
from clues.selection.rules import keep_rows

RULES: Mapping[str, SelectionSettings] = {
    "ratio": SelectionSettings("ratio", ratio=1 - sum(FIQA_SHARES) / len(FIQA_SHARES)),
    "score": SelectionSettings("score", score=0.0),
    "global threshold": SelectionSettings("anchor-mean"),
    "conformal": RULE,
}
"""The paper's three, and ours. `ratio`: the average clean share, of every client. `score`: 0, which for an inner
product says that training on the row helps, and for evidence that it looks more like a good one than a spoiled one."""
SHOWN = ("precision", "recall", "f1", "accuracy")
GLOBAL = {WHOSE[0]: "global threshold", CLUES: "conformal"}
"""The bar that holds for all clients."""


def make(results: Results) -> Artefact:
    """Selection alone: no arm is trained."""
    found = [(seed, results.table(Planned(results.worlds["fiqa"], seed))) for seed in SEEDS]
    tables = {seed: table for seed, table in found if table is not None}
    measured = dict(_measured(tables)) if tables else {}
    lines = [
        {"scorer": scorer, "rule": rule, **{name: float(own[name][0]) for name in SHOWN}}
        for (scorer, rule), own in measured.items()
    ]
    shown = ("scorer", "rule", *SHOWN)
    title = "Table 3: TAT-QA and SubjECTive-QA, clients at 80, 20, 10 and 50 % spoiled"
    return Artefact("table3", title, lines, list(_findings(measured, tables)), shown=shown)


def _measured(tables: Mapping[int, Table]) -> Iterator[tuple[tuple[str, str], dict[str, np.ndarray]]]:
    clean = [table.clean[table.role("client")] for table in tables.values()]
    for scorer in SELECTED:
        for rule in RULES if scorer in WHOSE else ("conformal",):
            keep = [kept_by(table, scorer, RULES[rule])[table.role("client")] for table in tables.values()]
            yield (scorer, rule), rates(keep, clean)


def kept_by(table: Table, scorer: str, rule: SelectionSettings) -> np.ndarray:
    """[R] bool: the rows that a rule keeps, client by client."""
    verdict, kept = judged(table, scorer), np.zeros(len(table.clean), bool)
    for own in clients(table).values():
        kept[own] = keep_rows(rule, verdict.p[own], verdict.statistic[own], verdict.anchors)
    return kept


def _findings(
    measured: Mapping[tuple[str, str], dict[str, np.ndarray]], tables: Mapping[int, Table]
) -> Iterator[Finding]:
    n = sum(int(table.role("client").sum()) for table in tables.values())
    for whose in WHOSE if measured else ():
        for other in ("ratio", "score"):
            made = from_resamples(measured[whose, GLOBAL[whose]]["f1"] - measured[whose, other]["f1"], n)
            yield Finding(
                "a global threshold is the best rule", whose, other, made.value, made.low, made.high, n, tuple(tables),
                "F1",
            )  # fmt: skip

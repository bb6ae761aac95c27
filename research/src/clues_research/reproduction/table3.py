"""Table 3: FiQA, clients of unlike quality: which rule selects best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from clues.config import SelectionSettings
from clues.selection.rules import keep_rows
from clues.statistics.shares import selection_shares
from clues_research.reproduction.artefact import WHOSE, Artefact, ends, tables_of
from clues_research.reproduction.charts import dots
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import SHARE, over_seeds
from clues_research.reproduction.results import Results
from clues_research.reproduction.selections import CLUES, PUBLISHED, RULE, SELECTED, clients, judged
from clues_research.reproduction.worlds import FIQA_SHARES
from clues_research.selection.read import Table

WORLD, ELSEWHERE = "fiqa", "medquad-40"
RATIO, SCORE, THRESHOLD, CONFORMAL = "ratio", "score", "mean of anchors", "conformal"
SHOWN = ("f1", "precision", "recall", "accuracy")
GLOBAL = {PUBLISHED: THRESHOLD, CLUES: CONFORMAL}
"""The bar that holds for all clients."""
NOTES = (
    "ratio: every client keeps the average clean share, by its own ranking. score: a score set beforehand, the one "
    "with the best F1 on the labelled rows of medquad-40. mean of anchors: the paper's threshold. conformal: ours. "
    "The claim is tested for `published` with the paper's threshold and for `clues` with ours; the table has both.",
)
Shares = dict[str, float]


def make(results: Results) -> Artefact:
    """Selection alone: no arm is trained."""
    elsewhere = tables_of(results, ELSEWHERE)
    found = {seed: dict(_measured(t, elsewhere.get(seed))) for seed, t in tables_of(results, WORLD).items()}
    keys = [key for key in next(iter(found.values()), {}) if all(key in own for own in found.values())]
    lines: list[dict[str, Any]] = []
    for scorer, rule in keys:
        made = {name: over_seeds({s: own[scorer, rule][name] for s, own in found.items()}, SHARE) for name in SHOWN}
        lines.append(
            {"scorer": scorer, "rule": rule} | {k: v for name in SHOWN for k, v in ends(name, made[name]).items()}
        )
    chart = dots(lines, "f1", "scorer", "rule", "F1 of the selection")
    title = "Table 3: TAT-QA and SubjECTive-QA, clients at 80, 20, 10 and 50 % spoiled"
    return Artefact("table3", title, lines, list(_findings(found)), chart, NOTES, (("scorer", "rule", *SHOWN),))


def _measured(table: Table, elsewhere: Table | None) -> Iterator[tuple[tuple[str, str], Shares]]:
    """(scorer, rule) -> the shares of one seed's selection."""
    ratio = SelectionSettings("ratio", ratio=1 - sum(FIQA_SHARES) / len(FIQA_SHARES))
    for scorer in SELECTED:
        rules = {CONFORMAL: RULE}
        if scorer in WHOSE:
            rules = {RATIO: ratio, THRESHOLD: SelectionSettings("anchor-mean")} | rules
            if elsewhere is not None:
                rules[SCORE] = SelectionSettings("score", score=best_score(elsewhere, scorer))
        for name, rule in rules.items():
            rows = table.role("client")
            shares = selection_shares(kept_by(table, scorer, rule)[rows], table.clean[rows])
            yield (scorer, name), {key: float(shares[key] or 0.0) for key in SHOWN}


def best_score(table: Table, scorer: str) -> float:
    """The score from which keeping rows has the best F1 on a table's labelled rows."""
    rows = table.role("client")
    score, clean = judged(table, scorer).statistic[rows], table.clean[rows]
    order = np.argsort(-score, kind="stable")
    f1 = 2 * np.cumsum(clean[order]) / (np.arange(1, len(order) + 1) + clean.sum())
    return float(score[order][int(np.argmax(f1))])


def kept_by(table: Table, scorer: str, rule: SelectionSettings) -> np.ndarray:
    """[R] bool: the rows that a rule keeps, client by client."""
    verdict, kept = judged(table, scorer), np.zeros(len(table.clean), bool)
    for own in clients(table).values():
        kept[own] = keep_rows(rule, verdict.p[own], verdict.statistic[own], verdict.anchors)
    return kept


def _findings(found: Mapping[int, Mapping[tuple[str, str], Shares]]) -> Iterator[Finding]:
    for whose in WHOSE if found else ():
        for other in (RATIO, SCORE):
            each = {
                seed: own[whose, GLOBAL[whose]]["f1"] - own[whose, other]["f1"]
                for seed, own in found.items()
                if (whose, other) in own
            }
            if each:
                made = over_seeds(each)
                yield Finding("a global threshold is the best rule", whose, f"{GLOBAL[whose]} − {other}", made, "F1")

"""Which client rows each method keeps, read off a channel table.

Every scorer is held against the same anchors, as in the selection study: the rule is `conformal` at α = 0.1. The
paper says of its baselines how they score, not where they cut; so no method is given a count that another one found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from clues.config import SelectionSettings
from clues.evaluation.published import PAPER_ANCHORS
from clues.kernels.conformal import conformal, in_deviations
from clues.selection.rules import keep_rows
from clues_research.selection import ours
from clues_research.selection.measure import Judged
from clues_research.selection.read import Table

CLUES, PUBLISHED, MIXED, ORACLE = "clues", "published", "mixed", "oracle"
TRAINED = (ORACLE, MIXED, "perplexity", "ifd", "datainf", PUBLISHED, CLUES)
"""Methods that are trained, in the order of the paper's tables."""
SELECTED = (*TRAINED[2:], "less", "ira", "random")
"""Methods whose selection is measured."""
SCORE = "published.adam"
"""The paper's score: the Adam form as its released code has it."""
RULE = SelectionSettings("conformal", alpha=0.1)


def kept(table: Table, method: str) -> np.ndarray:
    """[R] bool: the client rows that a method trains on."""
    rows = table.role("client")
    if method == MIXED:
        return rows
    if method == ORACLE:
        return rows & table.clean
    verdict = judged(table, method)
    rule = SelectionSettings("anchor-mean") if method == PUBLISHED else RULE
    return rows & keep_rows(rule, verdict.p, verdict.statistic, verdict.anchors)


def judged(table: Table, method: str) -> Judged:
    """A method's statistic and p of every row, and its anchors' statistics.

    `published` is the score of the paper with the mean of its 10 anchors, any other name a channel of the table.
    """
    if method == CLUES:
        return ours.judged(table)
    if method == PUBLISHED:
        return against_anchors(table.channel(SCORE), table, PAPER_ANCHORS)
    return against_anchors(table.channel(method), table)


def against_anchors(score: np.ndarray, table: Table, count: int | None = None) -> Judged:
    """A score [R] as it is, with its p among all anchors or the first `count`."""
    anchors = score[table.role("anchor")][:count]
    if not np.isfinite(score[table.role("client")]).all() or not np.isfinite(anchors).all():
        raise ValueError(f"{table.name}: a row without a score; only the spoiled copies of public rows have none")
    rows, own = in_deviations(score, anchors)
    found = conformal(np.nan_to_num(rows, nan=0.0)[:, None], own[:, None])
    return Judged(score, found.p, anchors)


def kept_by_client(tables: Sequence[Table], method: str) -> dict[str, np.ndarray]:
    """Client -> which of its rows are kept, bool, in their order; from one table of all clients or one for each."""
    result: dict[str, np.ndarray] = {}
    for table in tables:
        chosen = kept(table, method)
        for name, own in clients(table).items():
            result[name] = chosen[own]
    return result


def counts(tables: Sequence[Table], method: str) -> dict[str, dict[str, int]]:
    """Client -> how many of its rows a method keeps, and how many of those are clean."""
    found = {}
    for table in tables:
        chosen = kept(table, method)
        for name, own in clients(table).items():
            found[name] = {"kept": int(chosen[own].sum()), "kept_clean": int((chosen & table.clean)[own].sum())}
    return found


def clients(table: Table) -> Mapping[str, np.ndarray]:
    """Client -> [R] bool, its rows."""
    names, rows = table.columns["client"], table.role("client")
    return {str(name): rows & (names == name) for name in dict.fromkeys(names[rows])}

"""From a statistic and p-values to the figures of the study. Positive = clean = kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from clues.config import SelectionSettings
from clues.data.damage.spoil import KINDS, SUBTLE
from clues.selection.rules import keep_rows
from clues.statistics.ranking import auc
from clues.statistics.shares import selection_shares
from clues_research.selection.read import Table

RULES = {
    "conformal 0.05": SelectionSettings("conformal", alpha=0.05),
    "conformal 0.1": SelectionSettings("conformal", alpha=0.1),
    "conformal 0.2": SelectionSettings("conformal", alpha=0.2),
    "fdr 0.1": SelectionSettings("fdr", q=0.1),
    "anchor-mean": SelectionSettings("anchor-mean"),
}
PLAIN, ALL = "seven", "ten"
"""Names of the sets of kinds: those that are not subtle, and all."""


@dataclass(frozen=True)
class Judged:
    """Verdict of one scorer on all R rows of a table against n anchors."""

    statistic: np.ndarray
    """[R] higher is better"""
    p: np.ndarray
    """[R]"""
    anchors: np.ndarray
    """[n] the anchors' own statistics"""

    def keep(self, table: Table, rule: str, rows: np.ndarray) -> np.ndarray:
        """[R] bool: what a rule keeps of the rows, client by client; rows elsewhere are False."""
        kept = np.zeros(len(rows), bool)
        for client in np.unique(table.columns["client"][rows]):
            own = rows & (table.columns["client"] == client)
            kept[own] = keep_rows(RULES[rule], self.p[own], self.statistic[own], self.anchors)
        return kept


def kinds_of(name: str) -> tuple[str, ...]:
    """The kinds of damage that a name stands for."""
    return {PLAIN: KINDS, ALL: (*KINDS, *SUBTLE)}.get(name, (name,))


def against(table: Table, kinds: str) -> np.ndarray:
    """[R] bool: the mixture's clean rows and its rows of some kinds."""
    return table.mixture & (table.clean | np.isin(table.columns["kind"], kinds_of(kinds)))


def bad_rows(table: Table) -> np.ndarray:
    """Positions of rows that can stand for a spoiled anchor: of the client whose rows are all bad, whole, and of kinds
    that are not subtle."""
    plain = np.isin(table.columns["kind"], kinds_of(PLAIN)) & ~table.columns["truncated"].astype(bool)
    return np.flatnonzero((table.columns["client"] == "all-bad") & plain)


def measured(table: Table, judged: Judged) -> Iterator[dict[str, Any]]:
    """One line per rule and set of kinds: `auc`, `precision`, `recall`, `f1`, `accuracy`, `kept_clean`."""
    for rule in RULES:
        keep = judged.keep(table, rule, table.mixture)
        for kinds in (PLAIN, ALL, *kinds_of(ALL)):
            rows = against(table, kinds)
            shares = selection_shares(keep[rows], table.clean[rows])
            yield {
                "rule": rule,
                "kinds": kinds,
                "auc": auc(table.clean[rows], judged.statistic[rows]),
                **{name: shares[name] for name in ("precision", "recall", "f1", "accuracy")},
                "kept_clean": shares["recall"],
            }


def kept_elsewhere(table: Table, judged: Judged, rule: str = "conformal 0.1") -> dict[str, tuple[int, int]]:
    """(kept, rows) of rows that are not the mixture's: held back, of an unseen source, and of the odd clients."""
    groups = {role: table.role(role) for role in ("heldback", "unseen")}
    odd = np.unique(table.columns["client"][table.role("client") & ~table.mixture])
    groups |= {str(name): table.role("client") & (table.columns["client"] == name) for name in odd}
    return {
        name: (int(judged.keep(table, rule, rows).sum()), int(rows.sum()))
        for name, rows in groups.items()
        if rows.any()
    }

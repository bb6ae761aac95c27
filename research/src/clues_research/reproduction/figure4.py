"""Figure 4: 20, 50 and 80 % bad: performance with and without selection, how good the selection is, and the bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from clues.statistics.shares import selection_shares
from clues_research.reproduction.artefact import WHOSE, Artefact, area, ends, gains, mean, minus, tables_of
from clues_research.reproduction.charts import gain_chart
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import ANY, SHARE, Estimate, over_seeds
from clues_research.reproduction.plan import FEDERATED
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import CLUES, MIXED, ORACLE, RULE, judged, kept
from clues_research.selection.read import Table

SHARES = (20, 40, 50, 80)
"""The paper's three, and the share of Table 1."""
NOTES = (
    "bar: what a row must reach; for `published` the mean score of 10 anchors, for `clues` the evidence at which "
    "p exceeds 0.1. raw bar: the paper's raw score of the anchor at that rank. `clues` drops about a tenth of the good "
    "rows by design (alpha = 0.1), so 99 % is out of its reach; the paper's bar, the mean of good anchors, drops half. "
    "Oracle is trained at 80 % to tell few good rows from a bad selection: it has eight rows a client.",
)


def make(results: Results) -> Artefact:
    """One line per share and method."""
    lines = [line for share in SHARES for line in _lines(results, share)]
    findings = [finding for share in SHARES if share != 40 for finding in _findings(results, share)]
    shown = (("share", "method", "nll", "gain", "recall", "precision", "accuracy", "auc", "bar", "raw_bar"),)
    title = "Figure 4: with and without selection, by the share of bad data"
    return Artefact("figure4", title, lines, findings, gain_chart(lines, "share", "method"), NOTES, shown)


def _lines(results: Results, share: int) -> Iterator[dict[str, Any]]:
    world, tables = f"medquad-{share}", tables_of(results, f"medquad-{share}")
    for method in (MIXED, *WHOSE, ORACLE):
        if method == ORACLE and mean(results, world, arm_name(method, FEDERATED)) is None:
            continue
        arms = arm_name(MIXED, FEDERATED), arm_name(method, FEDERATED)
        line: dict[str, Any] = {"share": f"{share} %", "method": method}
        line |= ends("nll", mean(results, world, arms[1]))
        line |= ends("gain", None if method == MIXED else minus(results, world, *arms))
        for name, found in _selection(tables, method).items() if method in WHOSE and tables else ():
            line |= ends(name, found)
        yield line


def _selection(tables: Mapping[int, Table], method: str) -> dict[str, Estimate]:
    """How good a selection is, and its bars."""
    each = {seed: _of_table(table, method) for seed, table in tables.items()}
    names = next(iter(each.values()))
    within = {name: ANY if name.endswith("bar") else SHARE for name in names}
    return {name: over_seeds({seed: own[name] for seed, own in each.items()}, within[name]) for name in names}


def _of_table(table: Table, method: str) -> dict[str, float]:
    rows = table.role("client")
    shares = selection_shares(kept(table, method)[rows], table.clean[rows])
    bar, raw_bar = bars_of(table, method)
    found = {name: shares[name] or 0.0 for name in ("recall", "precision", "accuracy")}
    return found | {"auc": area(table, method), "bar": bar, "raw_bar": raw_bar}


def bar_place(anchors: int) -> int:
    """Which anchor, in order, a row must reach: one stays with no fewer than ⌊α (n + 1)⌋ of n at or below it."""
    return int(np.floor(RULE.alpha * (anchors + 1))) - 1


def bars_of(table: Table, method: str) -> tuple[float, float]:
    """What a row's statistic must reach under the method's rule; and the paper's raw score of the anchor at the place
    that `conformal` asks for."""
    raw = np.sort(judged(table, "published.adam").anchors)
    place = bar_place(len(raw))
    anchors = judged(table, method).anchors
    return float(np.sort(anchors)[place] if method == CLUES else anchors.mean()), float(raw[place])


def _findings(results: Results, share: int) -> Iterator[Finding]:
    yield from gains(results, "selection helps at every share", f"medquad-{share}", FEDERATED, (MIXED,), f"{share} %")
    tables = tables_of(results, f"medquad-{share}")
    for whose in WHOSE if tables else ():
        found = _selection(tables, whose)["recall"]
        yield Finding("99 % selected", whose, f"{share} %", found, "share of clean rows")

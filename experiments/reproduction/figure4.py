"""Figure 4: 20, 50 and 80 % bad: performance with and without selection, how good the selection is, and the bars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from experiments.reproduction.artefact import WHOSE, Artefact, ends, gains, mean, minus
from experiments.reproduction.charts import gain_chart
from experiments.reproduction.claims import Finding
from experiments.reproduction.plan import FEDERATED
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import CLUES, MIXED, RULE, judged, kept
from experiments.reproduction.tables import Planned
from experiments.reproduction.worlds import SEEDS
from experiments.selection.read import Table

from clues.evaluation.ranking import auc
from clues.evaluation.shares import selection_shares

SHARES = (20, 40, 50, 80)
"""The paper's three, and the share of Table 1."""


def make(results: Results) -> Artefact:
    """One line per share and method."""
    lines = [line for share in SHARES for line in _lines(results, share)]
    chart = gain_chart(lines, "share", "method")
    findings = [finding for share in SHARES if share != 40 for finding in _findings(results, share)]
    shown = ("share", "method", "nll", "gain", "accuracy", "precision", "recall", "auc", "bar", "raw_bar")
    notes = (
        "bar: what a row must reach, the mean over seeds; for `published` the mean score of 10 anchors, for `clues` "
        "the evidence (nats) at which p exceeds 0.1. raw_bar: the paper's raw score at that rank among the anchors.",
    )
    title = "Figure 4: with and without selection, by the share of bad data"
    return Artefact("figure4", title, lines, findings, chart, notes, shown)


def _lines(results: Results, share: int) -> Iterator[dict[str, Any]]:
    world, tables = f"medquad-{share}", _tables(results, share)
    for method in (MIXED, *WHOSE):
        line: dict[str, Any] = {"share": f"{share} %", "method": method}
        line |= ends("nll", mean(results, world, arm_name(method, FEDERATED)))
        line |= ends("gain", minus(results, world, *(arm_name(one, FEDERATED) for one in (MIXED, method))))
        if method != MIXED and tables:
            line |= _selection(tables, method)
        yield line


def _tables(results: Results, share: int) -> list[Table]:
    found = [results.table(Planned(results.worlds[f"medquad-{share}"], seed)) for seed in SEEDS]
    return [table for table in found if table is not None]


def _selection(tables: list[Table], method: str) -> dict[str, Any]:
    """Shares over all seeds' rows, AUC and bars as means over seeds."""
    keep = np.concatenate([kept(table, method)[table.role("client")] for table in tables])
    clean = np.concatenate([table.clean[table.role("client")] for table in tables])
    shares = selection_shares(keep, clean)
    areas = [auc(table.clean[r := table.role("client")], judged(table, method).statistic[r]) for table in tables]
    numbers = {name: shares[name] for name in ("accuracy", "precision", "recall", "recall_low", "recall_high", "f1")}
    bars = np.mean([bars_of(table, method) for table in tables], axis=0)
    return numbers | {"auc": float(np.mean([a for a in areas if a is not None])), "bar": bars[0], "raw_bar": bars[1]}


def bars_of(table: Table, method: str) -> tuple[float, float]:
    """What a row's statistic must reach under the method's rule; and the paper's raw score at the same rank among all
    anchors as `conformal` asks for."""
    raw = np.sort(judged(table, "published.adam").anchors)
    place = int(np.ceil(RULE.alpha * (len(raw) + 1))) - 1
    anchors = judged(table, method).anchors
    return float(np.sort(anchors)[place] if method == CLUES else anchors.mean()), float(raw[place])


def _findings(results: Results, share: int) -> Iterator[Finding]:
    yield from gains(results, "selection helps at every share", f"medquad-{share}", FEDERATED, (MIXED,), f"{share} %")
    tables = _tables(results, share)
    for whose in WHOSE if tables else ():
        found = _selection(tables, whose)
        clean = sum(int((table.clean & table.role("client")).sum()) for table in tables)
        interval = found["recall"], found["recall_low"], found["recall_high"]
        yield Finding(
            "99 % selected", whose, f"{share} %", *interval, clean, SEEDS[: len(tables)], "share of clean rows"
        )

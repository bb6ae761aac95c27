"""Figure 5: ways to merge, with and without selection; gradients of the first layer against the last one's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from experiments.reproduction.artefact import WHOSE, Artefact, ends, gains, mean, minus
from experiments.reproduction.charts import gain_chart
from experiments.reproduction.claims import Finding
from experiments.reproduction.estimates import RESAMPLES, from_resamples
from experiments.reproduction.plan import MERGES
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import MIXED, ORACLE, judged
from experiments.reproduction.tables import Planned
from experiments.reproduction.worlds import SEEDS
from experiments.selection.read import Table

from clues.evaluation.ranking import auc, resampled_auc

WORLD = "casimedicos"
LAYERED = ("medquad-40", "casimedicos", "fiqa")
"""Where the layers are compared."""
FORMS = ("dot", "adam")


def make(results: Results) -> Artefact:
    """Lines about merges, then lines about layers."""
    merges = list(_merges(results))
    chart = gain_chart(merges, "method", "merge")
    layers, findings = _layers(results)
    helped = [
        finding
        for how in MERGES
        for finding in gains(results, "selection helps every merge", WORLD, how, (MIXED,), how)
    ]
    shown = ("merge", "method", "nll", "gain", "world", "form", "first", "last", "all_layers")
    title = "Figure 5: ways to merge; the first layer against the last"
    return Artefact("figure5", title, [*merges, *layers], [*helped, *findings], chart, shown=shown)


def _merges(results: Results) -> Iterator[dict[str, Any]]:
    for how in MERGES:
        for method in (ORACLE, MIXED, *WHOSE):
            found = mean(results, WORLD, arm_name(method, how))
            if found is not None:
                gain = minus(results, WORLD, arm_name(MIXED, how), arm_name(method, how))
                yield {"merge": how, "method": method, **ends("nll", found), **ends("gain", gain)}


def _layers(results: Results) -> tuple[list[dict[str, Any]], list[Finding]]:
    """AUC of the paper's score from all layers, from the first alone and from the last alone."""
    lines, findings = [], []
    for world in LAYERED:
        tables = [t for seed in SEEDS if (t := results.table(Planned(results.worlds[world], seed))) is not None]
        for form in FORMS if tables else ():
            parts = ((f"published.{form}-first", "first"), (f"published.{form}-last", "last"))
            areas = {name: _areas(tables, channel) for channel, name in (*parts, (f"published.{form}", "all_layers"))}
            lines.append({"world": world, "form": form, **{name: float(values[0]) for name, values in areas.items()}})
            n = sum(int(table.role("client").sum()) for table in tables)
            made = from_resamples(areas["first"] - areas["last"], n)
            ends_ = made.value, made.low, made.high, made.n
            claim = "the first layer beats the last"
            findings.append(Finding(claim, "", f"{world}, {form}", *ends_, SEEDS[: len(tables)], "AUC"))
    return lines, findings


def _areas(tables: Sequence[Table], channel: str) -> np.ndarray:
    """[1 + RESAMPLES] the mean over seeds; the same resamples for every channel."""
    found = []
    for seed, table in enumerate(tables):
        rows = table.role("client")
        clean, score = table.clean[rows], judged(table, channel).statistic[rows]
        found.append(np.concatenate([[auc(clean, score) or 0.0], resampled_auc(clean, score, RESAMPLES, seed)]))
    return np.mean(found, axis=0)

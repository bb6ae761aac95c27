"""Figure 5: ways to merge, with and without selection; gradients of the first layer against the last one's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.reproduction.artefact import WHOSE, Artefact, ends, gains, mean, minus
from experiments.reproduction.charts import gain_chart
from experiments.reproduction.claims import Finding
from experiments.reproduction.estimates import over_seeds
from experiments.reproduction.plan import MERGES
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import MIXED, ORACLE, judged
from experiments.reproduction.tables import Planned
from experiments.reproduction.worlds import SEEDS
from experiments.selection.read import Table

from clues.evaluation.ranking import auc

WORLD = "casimedicos"
LAYERED = ("medquad-40", "casimedicos", "fiqa")
"""Where the layers are compared."""
FORMS = ("dot", "adam")
NOTES = (
    "first, last: AUC of the paper's score from the gradients of the first or the last layer with an adapter alone.",
)


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
    shown = ("merge", "method", "nll", "gain"), ("world", "form", "first", "last", "first_minus_last", "all_layers")
    title = "Figure 5: ways to merge; the first layer against the last"
    return Artefact("figure5", title, [*merges, *layers], [*helped, *findings], chart, NOTES, shown)


def _merges(results: Results) -> Iterator[dict[str, Any]]:
    for how in MERGES:
        for method in (ORACLE, MIXED, *WHOSE):
            found = mean(results, WORLD, arm_name(method, how))
            if found is not None:
                gain = None if method == MIXED else minus(results, WORLD, arm_name(MIXED, how), arm_name(method, how))
                yield {"merge": how, "method": method, **ends("nll", found), **ends("gain", gain)}


def _layers(results: Results) -> tuple[list[dict[str, Any]], list[Finding]]:
    """AUC of the paper's score from all layers, from the first alone and from the last alone."""
    lines, findings = [], []
    for world in LAYERED:
        found = {seed: results.table(Planned(results.worlds[world], seed)) for seed in SEEDS}
        tables = {seed: table for seed, table in found.items() if table is not None}
        for form in FORMS if tables else ():
            first, last, whole = (_areas(tables, f"published.{form}{part}") for part in ("-first", "-last", ""))
            difference = over_seeds({seed: first[seed] - last[seed] for seed in tables}, (-1.0, 1.0))
            line: dict[str, Any] = {"world": world, "form": form, **ends("first_minus_last", difference)}
            for name, areas in (("first", first), ("last", last), ("all_layers", whole)):
                line[name] = over_seeds(areas).value
            lines.append(line)
            findings.append(Finding("the first layer beats the last", "", f"{world}, {form}", difference, "AUC"))
    return lines, findings


def _areas(tables: Mapping[int, Table], channel: str) -> dict[int, float]:
    """Seed -> the area under the curve over all clients' rows."""
    found = {}
    for seed, table in tables.items():
        rows = table.role("client")
        found[seed] = auc(table.clean[rows], judged(table, channel).statistic[rows]) or 0.0
    return found

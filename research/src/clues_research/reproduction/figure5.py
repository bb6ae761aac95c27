"""Figure 5: ways to merge, with and without selection; gradients of the first layer against the last one's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clues_research.reproduction.artefact import WHOSE, Artefact, area, ends, gains, mean, minus, tables_of
from clues_research.reproduction.charts import gain_chart
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import over_seeds
from clues_research.reproduction.plan import MERGES
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import MIXED, ORACLE

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
        tables = tables_of(results, world)
        for form in FORMS if tables else ():
            first, last, whole = (
                {seed: area(table, f"published.{form}{part}") for seed, table in tables.items()}
                for part in ("-first", "-last", "")
            )
            difference = over_seeds({seed: first[seed] - last[seed] for seed in tables}, (-1.0, 1.0))
            line: dict[str, Any] = {"world": world, "form": form, **ends("first_minus_last", difference)}
            for name, areas in (("first", first), ("last", last), ("all_layers", whole)):
                line[name] = over_seeds(areas).value
            lines.append(line)
            findings.append(Finding("the first layer beats the last", "", f"{world}, {form}", difference, "AUC"))
    return lines, findings

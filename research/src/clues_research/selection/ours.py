"""clues' own verdict, read off a table with the product's code, and variants of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clues.kernels.fisher import RIDGE
from clues.scoring.channel import FORWARD, GRADIENT, Channel
from clues.scoring.criteria import CRITERIA, Criterion, by_kind
from clues.selection.bar import Bar
from clues.selection.select import calibrate
from clues_research.selection.measure import Judged
from clues_research.selection.read import Table

CHECKPOINTS = (1,)
"""After a third of a pass over the rows; see STUDY.md for others."""


Gradient = Callable[[Table, Criterion, Sequence[int]], np.ndarray]


@dataclass(frozen=True)
class Variant:
    """How channels are made from a table."""

    checkpoints: Sequence[int] = CHECKPOINTS
    criteria: tuple[Criterion, ...] = CRITERIA
    gradient: Gradient | None = None
    """In place of the product's gradient channel."""
    anchors: np.ndarray | None = None
    """Positions among the anchors; all by default."""
    validation: np.ndarray | None = None
    """Positions among the validation rows that evidence is fitted on; all by default."""


def channels(table: Table, variant: Variant) -> dict[str, np.ndarray]:
    """Channel -> [R], by the product's names."""
    forward = [Channel(c.name, FORWARD).column for c in variant.criteria]
    made = {name: table.channel(name) for name in forward}
    gradient = variant.gradient or fisher(RIDGE, "upper")
    for c in variant.criteria:
        if (own := Channel(c.name, GRADIENT)) in c.channels:
            made[own.column] = gradient(table, c, variant.checkpoints)
    return made


def fisher(ridge: float, layers: str) -> Gradient:
    """⟨∇ℓ, Fisher's discriminant⟩, the product's directions, in the layers that are read (`upper`) or in all."""
    return lambda table, c, checkpoints: table.channel(f"{c.spoiling}|fisher{ridge:g}|{layers}", checkpoints)


def inner_product(table: Table, criterion: Criterion, checkpoints: Sequence[int]) -> np.ndarray:
    """⟨∇ℓ, mean good − mean spoiled⟩ over the groups of layers that the criterion is read in."""
    assert isinstance(criterion.spoiling, str)
    return table.gradient(criterion.spoiling, layer_groups(table, criterion), checkpoints)


def layer_groups(table: Table, criterion: Criterion) -> list[int]:
    """Groups whose layers lie in the criterion's range; its edges are edges of groups."""
    edges = [tuple(map(int, name[1:].split("-"))) for name in table.groups]
    layers = criterion.layer_range(edges[-1][1] + 1)
    return [g for g, (first, last) in enumerate(edges) if first in layers and last in layers]


def judged(table: Table, variant: Variant | None = None) -> Judged:
    """The product's statistic and p of every row, and the anchors' own statistics."""
    variant = variant or Variant()
    made = channels(table, variant)
    bar = bar_of(table, made, variant)
    found = calibrate(made, bar)
    return Judged(found.statistic, found.p, calibrate(bar.anchors, bar).statistic)


def evidence(table: Table, variant: Variant) -> dict[str, np.ndarray]:
    """Criterion -> [R] its log-likelihood ratio; NaN where a row has none."""
    made = channels(table, variant)
    found = calibrate(made, bar_of(table, made, variant)).evidence
    return {c.name: found[:, j] for j, c in enumerate(variant.criteria)}


def bar_of(table: Table, made: dict[str, np.ndarray], variant: Variant) -> Bar:
    """The bar of a table, or of some of its anchors and validation rows, for the variant's criteria."""

    def some(rows: np.ndarray, chosen: np.ndarray | None) -> dict[str, np.ndarray]:
        return {name: values[rows] if chosen is None else values[rows][chosen] for name, values in made.items()}

    spoiled = {c.name: some(table.spoiled(str(c.spoiling)), variant.validation) for c in variant.criteria}
    good = some(table.role("validation"), variant.validation)
    return Bar(some(table.role("anchor"), variant.anchors), good, spoiled, variant.criteria)


def forward_alone(variant: Variant) -> Variant:
    """The same without gradient channels."""
    return replace(variant, criteria=by_kind(variant.criteria, FORWARD))

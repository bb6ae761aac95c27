"""What each part of the verdict is worth: the same tables, one thing changed at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clues.scoring.channel import FORWARD, GRADIENT
from clues.scoring.criteria import CRITERIA, Criterion, by_kind
from clues.statistics.ranking import auc
from clues.statistics.shares import selection_shares
from clues_research.selection import ours
from clues_research.selection.measure import PLAIN, Judged, against, bad_rows, kinds_of
from clues_research.selection.ours import Variant
from clues_research.selection.read import Table
from clues_research.selection.tables import RIDGES

RULE = "conformal 0.1"
DRAWS = 20
"""Random subsets of anchors or validation rows."""


def ablations(tables: Sequence[Table]) -> dict[str, dict[str, Any]]:
    """Name of the change -> figures, the mean over tables (and over draws, where something is drawn); `auc_gain` and
    `f1_gain` are paired with what is as it is, table by table, with their standard errors over the tables."""
    changes = dict(_changes())
    if all(table.checkpoints > 1 for table in tables):
        for checkpoints in ((2,), (1, 2)):
            changes["checkpoint " + " and ".join(map(str, checkpoints))] = [_of(Variant(checkpoints=checkpoints))]
    figures = {n: [_figures(*judge(t)) for judge in judges for t in tables] for n, judges in changes.items()}
    return _compared(figures, len(tables)) | _by_heart([table for table in tables if table.checkpoints > 2])


def _by_heart(tables: Sequence[Table]) -> dict[str, dict[str, Any]]:
    """After one and a half passes over the rows, in the tables that go on so long, and the same tables before."""
    if not tables:
        return {}
    seeds = ", ".join(str(table.facts["seed"]) for table in tables)
    forward, gradient = by_kind(CRITERIA, FORWARD), by_kind(CRITERIA, GRADIENT)
    changes = {
        "as it is": Variant(),
        "checkpoint 3 alone, rows seen one and a half times": Variant(checkpoints=(3,)),
        "gradient channels alone": Variant(criteria=gradient),
        "gradient channels alone, checkpoint 3": Variant(checkpoints=(3,), criteria=gradient),
        "forward channels of the base alone": Variant(criteria=forward),
    }
    figures = {f"seeds {seeds}: {name}": [_figures(*_of(v)(t)) for t in tables] for name, v in changes.items()}
    return _compared(figures, len(tables))


Judge = Callable[[Table], tuple[Table, Judged]]


def _changes() -> Iterator[tuple[str, list[Judge]]]:
    plain = Variant()
    yield "as it is", [_of(plain)]
    yield "forward channels alone", [_of(ours.forward_alone(plain))]
    yield "gradient channels alone", [_of(replace(plain, criteria=by_kind(CRITERIA, GRADIENT)))]
    difference = replace(plain, gradient=ours.inner_product)
    yield "directions: difference of the mean gradients", [_of(difference)]
    yield "the same, each criterion in layers of its own", [_of(replace(difference, criteria=_in_own_layers()))]
    yield "directions: difference of the mean gradients, cosine", [_of(replace(plain, gradient=_cosine))]
    yield (
        f"Fisher's discriminant with ridge {RIDGES[1]:g}",
        [_of(replace(plain, gradient=ours.fisher(RIDGES[1], "upper")))],
    )
    yield "Fisher's discriminant in all layers", [_of(replace(plain, gradient=ours.fisher(RIDGES[0], "all")))]
    for c in CRITERIA:
        yield f"without {c.name}", [_of(replace(plain, criteria=tuple(x for x in CRITERIA if x is not c)))]
    for count in (10, 20, 40, 80):
        yield f"{count} anchors", [_fewer("anchors", count, draw) for draw in range(DRAWS)]
    for count in (12, 24, 36):
        yield f"evidence from {count} validation rows", [_fewer("validation", count, draw) for draw in range(DRAWS)]
    for dirt in (0.05, 0.2):
        yield f"{dirt:.0%} of the anchors spoiled", [_dirty(dirt, draw) for draw in range(DRAWS)]


def _in_own_layers() -> tuple[Criterion, ...]:
    """Where the mean gradients of each criterion differed most on the choosing seeds."""
    own = {"relevance": (0.26, 0.73), "completeness": (0.73, 1.0)}
    return tuple(replace(c, layers=own.get(c.name, c.layers)) for c in CRITERIA)


def _of(variant: Variant) -> Judge:
    return lambda table: (table, ours.judged(table, variant))


def _cosine(table: Table, criterion: Criterion, checkpoints: Sequence[int]) -> np.ndarray:
    groups = ours.layer_groups(table, criterion)
    return np.mean([ours.inner_product(table, criterion, (k,)) / table.norm(groups, k) for k in checkpoints], axis=0)


def _fewer(what: str, count: int, draw: int) -> Judge:
    def judge(table: Table) -> tuple[Table, Judged]:
        there = int(table.role("anchor" if what == "anchors" else "validation").sum())
        chosen = np.random.default_rng([draw, count]).choice(there, count, replace=False)
        return table, ours.judged(table, replace(Variant(), **{what: chosen}))

    return judge


def _dirty(share: float, draw: int) -> Judge:
    """Some anchors have the channels of rows of the client whose rows are all bad."""

    def judge(table: Table) -> tuple[Table, Judged]:
        rng = np.random.default_rng([draw, int(100 * share)])
        anchors = np.flatnonzero(table.role("anchor"))
        count = round(share * len(anchors))
        swapped, by = rng.choice(anchors, count, replace=False), rng.choice(bad_rows(table), count)
        columns = dict(table.columns)
        for name, values in columns.items():
            if name not in ("role", "client", "kind", "source", "row", "block"):
                columns[name] = values.copy()
                columns[name][swapped] = values[by]
        dirty = Table(table.name, columns, table.facts)
        return dirty, ours.judged(dirty)

    return judge


def _compared(changes: dict[str, list[dict[str, float]]], tables: int) -> dict[str, dict[str, Any]]:
    """What `ablations` says of each change, the first of which is none; a change's figures: draws, then tables."""
    found, plain = {}, {}
    for name, figures in changes.items():
        each = {key: np.array([f[key] for f in figures]).reshape(-1, tables) for key in figures[0]}  # [draws, tables]
        found[name] = {key: float(values.mean()) for key, values in each.items()}
        if len(figures) > tables:
            found[name]["kept_spread"] = float(each["kept_clean"].std())
        plain = plain or each
        for key in ("auc", "f1") if tables > 1 else ():
            gain = each[key].mean(0) - plain[key].mean(0)
            found[name] |= {f"{key}_gain": float(gain.mean()), f"{key}_gain_se": float(gain.std(ddof=1) / tables**0.5)}
    return found


def _figures(table: Table, judged: Judged) -> dict[str, float]:
    rows = against(table, PLAIN)
    clean, keep = table.clean[rows], judged.keep(table, RULE, table.mixture)[rows]
    shares = selection_shares(keep, clean)
    heldback = table.role("heldback")
    areas = {kind: auc(table.clean[r], judged.statistic[r]) for kind in kinds_of(PLAIN) for r in [against(table, kind)]}
    return {
        "auc": auc(clean, judged.statistic[rows]) or 0.0,
        "worst_kind": min(a for a in areas.values() if a is not None),
        "kept_clean": shares["recall"] or 0.0,
        "kept_heldback": float(judged.keep(table, RULE, heldback)[heldback].mean()),
        "precision": shares["precision"] or 0.0,
        "f1": shares["f1"] or 0.0,
    }

"""Evaluation of a run: every adapter, federated and merged, on the held-out rows; the selection where it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import get_args

import numpy as np
from torch import Tensor

import clues
from clues.disk.writing import write_json
from clues.evaluation.answers.answer import BASE
from clues.evaluation.models import Measured, TestSet, measure
from clues.evaluation.selection import every_rule, measure_run
from clues.federated.adapters import Adapters
from clues.federated.plan import Plan
from clues.federated.public import PublicSide
from clues.folders.arm import CLUES, MIXED, ORACLE, Combined
from clues.folders.metrics import (
    How,
    JobName,
    MergeMetrics,
    Metrics,
    ModelMetrics,
    SelectionMetrics,
)
from clues.progress import Advance, Progress
from clues.statistics.gap import Losses, gap_closed
from clues.statistics.paired import Comparison, comparison

PAIRS = ((MIXED.name, BASE), (CLUES.name, MIXED.name), (ORACLE.name, MIXED.name), (CLUES.name, ORACLE.name))
Models = Mapping[str, Mapping[How, Measured]]
"""Arm -> how -> what was measured."""


def evaluate_run(plan: Plan, side: PublicSide, adapters: Adapters, test: TestSet, progress: Progress) -> Metrics:
    """All results but for the seconds; every adapter that the plan names is in `adapters`."""
    job = side.job
    base, every = measure_all(plan, side, adapters, test, progress)
    models: dict[str, dict[How, Measured]] = {BASE: {"federated": base, "merged": base}}
    merges: dict[str, dict[str, dict[str, MergeMetrics]]] = {}
    for one, found in every.items():
        if one.merge is not None:
            ways = merges.setdefault(one.arm.name, {}).setdefault(one.merge.method, {})
            ways[one.merge.weights] = MergeMetrics(found.metrics.test_nll)
        if one.merge in (None, plan.usual):
            models.setdefault(one.arm.name, {})[one.how] = found
    return Metrics(
        job=JobName(job.name, job.seed, job.hash),
        version=clues.__version__,
        date=date.today().isoformat(),
        models={arm: {how: found.metrics for how, found in ways.items()} for arm, ways in models.items()},
        merges=merges,
        comparisons=tuple(c for how in get_args(How) for c in _compared(side, models, how, test.documents)),
        gap_closed={how: gap for how in get_args(How) for gap in _gap_closed(side, models, how, test.documents)},
        selection=_selection(side) if plan.labelled else None,
    )


def measure_all(
    plan: Plan, side: PublicSide, adapters: Adapters, test: TestSet, progress: Progress
) -> tuple[Measured, dict[Combined, Measured]]:
    """The base model, and every adapter of the plan."""
    with_choice = 1 + sum(_chooses(plan, one) for one in plan.adapters)
    total = len(test.rows) * (1 + len(plan.adapters)) + (test.passes - len(test.rows)) * with_choice
    with progress.phase("evaluate", total) as advance:
        base, found = _measured(side, BASE, side.start, test, advance), {}
        for one in plan.adapters:
            name = one.name(plan.usual)
            found[one] = _measured(side, name, adapters.read(one), test, advance, _chooses(plan, one))
    return base, found


def _chooses(plan: Plan, one: Combined) -> bool:
    """The arms of equal epochs, and merges that only stand beside the usual one, are compared by likelihood alone."""
    return not one.arm.equal_epochs and one.merge in (None, plan.usual)


def _measured(
    side: PublicSide, name: str, state: Mapping[str, Tensor], test: TestSet, advance: Advance, choices: bool = True
) -> Measured:
    """An adapter's numbers, from disk if they were measured before."""
    file = side.folder.model(name)
    before = json.loads(file.read_text()) if file.exists() else {}
    if before.pop("test_set", "") == test.key:
        advance(test.passes if choices else len(test.rows), f"{name} was measured before")
        nll, right, _version = tuple(before.pop("nll")), before.pop("right", None), before.pop("schema_version")
        return Measured(ModelMetrics(**before), nll, None if right is None else tuple(right))
    found = measure(side.lm, state, test, side.job.evaluation, side.job.seed, lambda n: advance(n, name), choices)
    right = {} if found.right is None else {"right": found.right}
    write_json({**found.metrics.to_dict(), **right, "nll": found.nll, "test_set": test.key}, file)
    return found


def _compared(side: PublicSide, models: Models, how: How, documents: list[str]) -> list[Comparison]:
    """Paired differences between arms."""
    nll = _nll(models, how)
    spread = (documents, side.job.evaluation.bootstrap, side.job.seed)
    return [comparison((a, b), how, (nll[a], nll[b]), *spread) for a, b in PAIRS if a in nll and b in nll]


def _gap_closed(side: PublicSide, models: Models, how: How, documents: list[str]) -> list[float | None]:
    """The share of the gap from mixed to Oracle that clues closes; none without the three arms."""
    nll = _nll(models, how)
    if not {MIXED.name, CLUES.name, ORACLE.name} <= set(nll):
        return []
    losses = Losses(nll[MIXED.name], nll[CLUES.name], nll[ORACLE.name], documents)
    return [gap_closed([losses], side.job.evaluation.bootstrap, side.job.seed).closed]


def _nll(models: Models, how: How) -> dict[str, np.ndarray]:
    return {arm: np.array(ways[how].nll) for arm, ways in models.items() if how in ways}


def _selection(side: PublicSide) -> SelectionMetrics:
    job = side.job
    rules = every_rule(job.selection, np.array(side.folder.anchors.read().statistics))
    return measure_run(side.folder.path, job.selection.rule, rules, job.evaluation.bootstrap, job.seed)

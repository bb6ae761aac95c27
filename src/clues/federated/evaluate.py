"""Evaluation of a run: every adapter, federated and merged, on the held-out rows; the selection where it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
from torch import Tensor

import clues
from clues.collaboration.arm import Combined
from clues.disk.writing import write_json
from clues.evaluation.models import TestSet, measure
from clues.evaluation.selection import every_rule, measure_run
from clues.federated.adapters import Adapters
from clues.federated.plan import Plan
from clues.federated.public import PublicSide
from clues.folders.run import RunFolder
from clues.progress import Advance, Progress
from clues.statistics.gap import Losses, gap_closed
from clues.statistics.paired import comparison


def evaluate_run(plan: Plan, side: PublicSide, adapters: Adapters, test: TestSet, progress: Progress) -> dict[str, Any]:
    """The content of metrics.json but for the seconds; all that the plan names is in `adapters`."""
    job, settings = side.job, side.job.evaluation
    with_choice = 1 + sum(_chooses(plan, one) for one in plan.adapters)
    total = len(test.rows) * (1 + len(plan.adapters)) + (test.passes - len(test.rows)) * with_choice
    models: dict[str, dict[str, Any]] = {}
    merges: dict[str, dict[str, Any]] = {}
    with progress.phase("evaluate", total) as advance:
        base = _measured(side, "base", side.start, test, advance)
        models["base"] = {"federated": base, "merged": base}
        for one in plan.adapters:
            name = one.name(plan.usual)
            found = _measured(side, name, adapters.read(name), test, advance, _chooses(plan, one))
            if one.merge is not None:
                ways = merges.setdefault(one.arm.name, {}).setdefault(one.merge.method, {})
                ways[one.merge.weights] = {"test_nll": found["test_nll"]}
            if one.merge in (None, plan.usual):
                models.setdefault(one.arm.name, {})[one.how] = found
    metrics = {
        "job": {"name": job.name, "seed": job.seed, "hash": job.hash},
        "version": clues.__version__,
        "date": date.today().isoformat(),
        "models": {arm: {how: _without_rows(m) for how, m in both.items()} for arm, both in models.items()},
        "merges": merges,
        **_compared(side, models, test.documents),
    }
    if plan.labelled:
        anchors = RunFolder(side.folder).anchors.read()
        rules = every_rule(job.selection, np.array(anchors.statistic))
        metrics["selection"] = measure_run(side.folder, job.selection.rule, rules, settings.bootstrap, job.seed)
    return metrics


def _chooses(plan: Plan, one: Combined) -> bool:
    """The arms of equal epochs, and merges that only stand beside the usual one, are compared by likelihood alone."""
    return not one.arm.equal_epochs and one.merge in (None, plan.usual)


def _measured(
    side: PublicSide, name: str, state: Mapping[str, Tensor], test: TestSet, advance: Advance, choices: bool = True
) -> dict[str, Any]:
    """An adapter's numbers, from disk if they were measured before."""
    file = side.folder / "evaluation" / f"{name}.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    if before.get("test_set") == test.key:
        advance(test.passes if choices else len(test.rows), f"{name} was measured before")
        return before
    found = measure(side.lm, state, test, side.job.evaluation, side.job.seed, lambda n: advance(n, name), choices)
    write_json(found | {"test_set": test.key}, file)
    return found


def _compared(side: PublicSide, models: Mapping[str, Mapping[str, Any]], documents: list[str]) -> dict[str, Any]:
    """Paired differences between arms, and the share of the gap from mixed to Oracle that clues closes."""
    settings, seed = side.job.evaluation, side.job.seed
    comparisons, closed = [], {}
    for how in ("federated", "merged"):
        nll = {arm: np.array(both[how]["nll"]) for arm, both in models.items() if how in both}
        for a, b in (("mixed", "base"), ("clues", "mixed"), ("oracle", "mixed"), ("clues", "oracle")):
            if a in nll and b in nll:
                found = comparison((a, b), how, (nll[a], nll[b]), documents, settings.bootstrap, seed)
                comparisons.append(asdict(found))
        if {"mixed", "clues", "oracle"} <= set(nll):
            gap = gap_closed([Losses(nll["mixed"], nll["clues"], nll["oracle"], documents)], settings.bootstrap, seed)
            closed[how] = gap.closed
    return {"comparisons": comparisons, "gap_closed": closed}


def _without_rows(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if key not in ("nll", "right", "schema_version", "test_set")}

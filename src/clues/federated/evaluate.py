"""Evaluation of a run: every arm, federated and merged, on the held-out rows; and the selection where it is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from functools import cache, partial
from typing import Any

import numpy as np
import torch

import clues
from clues.collaboration.adaptive import adaptive_weights
from clues.collaboration.aggregate import State, Update, client_weights
from clues.collaboration.merge import merge_adapters
from clues.disk.writing import write_json
from clues.evaluation.models import TestSet, measure
from clues.evaluation.selection import every_rule, measure_run
from clues.federated.arms import State as Tensors
from clues.federated.public import PublicSide
from clues.models.adapters import load_adapter_state, lora_parameters, save_adapter
from clues.progress import Advance, Progress
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.passes import row_nll
from clues.statistics.gap import Losses, gap_closed
from clues.statistics.paired import comparison

METHODS = ("linear", "ties")
ADAPTIVE_STEPS = 8
"""Validation passes, forward and backward, that finding the client weights may cost."""


def evaluate_arms(
    side: PublicSide,
    test: TestSet,
    states: Mapping[str, Tensors],
    alone: Mapping[str, Mapping[str, Update]],
    progress: Progress,
    labelled: bool,
) -> dict[str, Any]:
    """The content of metrics.json but for the seconds.

    Args:
        states: arm -> adapter of the federated training.
        alone: arm -> client -> what it trained alone, to be merged here.
        labelled: every client's folder is under the run's folder, with labels, so the selection can be measured.
    """
    job, settings = side.job, side.job.evaluation
    merges = [(arm, how, method) for arm in alone for how, method in _ways_to_merge(side, arm)]
    weights = {(arm, how): cache(partial(_weights, side, alone[arm], how)) for arm, how, _ in merges}
    with_choice = 1 + sum(map(_chooses, [*states, *alone]))
    total = len(test.rows) * (1 + len(states) + len(merges)) + (test.passes - len(test.rows)) * with_choice
    models: dict[str, dict[str, Any]] = {}
    with progress.phase("evaluate", total) as advance:
        base = _measured(side, "base", lambda: side.start, test, advance)
        models["base"] = {"federated": base, "merged": base}
        for arm, state in states.items():
            found = _measured(side, f"{arm}-federated", lambda s=state: s, test, advance, _chooses(arm))
            models[arm] = {"federated": found}
        merged: dict[str, dict[str, Any]] = {}
        for arm, how, method in merges:
            chosen = (method, how) == (job.collaboration.merge, job.collaboration.weights)
            name = f"{arm}-merged" if chosen else f"{arm}-merged-{method}-{how}"
            adapter = partial(_merge, side, alone[arm], weights[arm, how], method)
            found = _measured(side, name, adapter, test, advance, chosen and _chooses(arm))
            merged.setdefault(arm, {}).setdefault(method, {})[how] = {"test_nll": found["test_nll"]}
            if chosen:
                models[arm]["merged"] = found
    metrics = {
        "job": {"name": job.name, "seed": job.seed, "hash": job.hash},
        "version": clues.__version__,
        "date": date.today().isoformat(),
        "models": {arm: {how: _without_rows(m) for how, m in both.items()} for arm, both in models.items()},
        "merges": merged,
        **_compared(side, models, test.documents),
    }
    if labelled:
        anchors = json.loads((side.folder / "anchors.json").read_text())
        rules = every_rule(job.selection, np.array(anchors["statistic"]))
        metrics["selection"] = measure_run(side.folder, job.selection.rule, rules, settings.bootstrap, job.seed)
    return metrics


def _chooses(arm: str) -> bool:
    """The arms of equal epochs are compared by likelihood alone."""
    return not arm.endswith("-epoch")


def _ways_to_merge(side: PublicSide, arm: str) -> list[tuple[str, str]]:
    """The job's client weights by both methods; for the figures all weights, on the arm that matters."""
    own = side.job.collaboration.weights
    if not _chooses(arm):
        return [(own, side.job.collaboration.merge)]
    every = side.job.collaboration.compare and arm == "clues"
    weightings = dict.fromkeys([own, "uniform", "samples", "adaptive"]) if every else [own]
    return [(how, method) for how in weightings for method in METHODS]


def _measured(
    side: PublicSide, name: str, adapter: Callable[[], Tensors], test: TestSet, advance: Advance, choices: bool = True
) -> dict[str, Any]:
    """A model's numbers, from disk if they were measured before; a merged adapter is written in PEFT's format."""
    file = side.folder / "evaluation" / f"{name}.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    if before.get("test_set") == test.key:
        advance(test.passes if choices else len(test.rows), f"{name} was measured before")
        return before
    state = adapter()
    found = measure(side.lm, state, test, side.job.evaluation, side.job.seed, lambda n: advance(n, name), choices)
    if name.endswith("-merged"):
        save_adapter(side.lm.model, side.folder / "adapters" / name)
    write_json(found | {"test_set": test.key}, file)
    return found


def _weights(side: PublicSide, updates: Mapping[str, Update], how: str) -> dict[str, float]:
    if how == "adaptive":
        states = {name: update.state for name, update in updates.items()}
        return adaptive_weights(states, lambda state: _validation_loss(side, state), ADAPTIVE_STEPS).weights
    return client_weights({name: u.examples for name, u in updates.items()}, how)  # type: ignore[arg-type]


def _merge(
    side: PublicSide, updates: Mapping[str, Update], weights: Callable[[], dict[str, float]], method: str
) -> Tensors:
    found, density = weights(), side.job.collaboration.density
    return merge_adapters([updates[name].state for name in found], list(found.values()), method, density)  # type: ignore[arg-type]


def _validation_loss(side: PublicSide, state: State) -> tuple[float, State]:
    """Mean loss over the public validation rows and its gradient by the adapter's file names."""
    load_adapter_state(side.lm.model, {name: torch.as_tensor(t) for name, t in state.items()})
    loss = float(row_nll(side.lm, side.validation.good).mean())
    gradients = mean_gradient(side.lm, side.validation.good, lora_parameters(side.lm.model))
    return loss, {name.replace(".default.", "."): g for name, g in gradients.items()}


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

"""Train and measure the arms.

An arm is made once; several processes share the work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.torch import save_file

from clues.collaboration.aggregate import client_weights
from clues.collaboration.merge import merge_adapters
from clues.disk.writing import replacing, write_json
from clues_research.reproduction.bench import DIGITS, Bench, bench_for, digits
from clues_research.reproduction.plan import ALONE, BASE, FINAL, LOCAL, MIXED, Job
from clues_research.reproduction.results import fingerprint
from clues_research.reproduction.tables import AT_WORK
from clues_research.reproduction.training import Rows, State, Trainer
from clues_research.selection.make import claimed


def run(job: Job, bench: Bench, tables: Path) -> tuple[dict[str, dict[str, Any]], dict[str, State]]:
    """Train one job: the content of each arm's file, and the adapters that are kept."""
    begun = time.monotonic()
    if job.method == BASE:
        return {BASE: bench.about() | bench.measured(bench.start)}, {}
    chosen = bench.chosen(job, tables)
    rows = {name: [e for e, keep in zip(own, chosen[name], strict=True) if keep] for name, own in bench.rows.items()}
    counts = {
        name: {"rows": len(keep), "kept": int(keep.sum()), "clean": int(bench.clean[name].sum()),
               "kept_clean": int((keep & bench.clean[name]).sum())}
        for name, keep in chosen.items()
    }  # fmt: skip
    found, states = _alone(job, bench, rows) if job.way == ALONE else _federated(job, bench, rows)
    about = bench.about() | {"selected": counts, "seconds": round(time.monotonic() - begun, 1)}
    return {name: about | measures for name, measures in found.items()}, states


def _federated(job: Job, bench: Bench, rows: Rows) -> tuple[dict[str, dict[str, Any]], dict[str, State]]:
    """The averaged adapter, measured; with `mixed`, which Figure 1 draws, also the losses after every round."""
    trainer = Trainer(bench.lm, bench.start, bench.world.training, bench.seed)
    losses: list[dict[str, Any]] = []

    def after(number: int, state: State, train: Mapping[str, float]) -> None:
        mean = round(float(np.mean(list(train.values()))), DIGITS)
        losses.append({"round": number, "train_loss": mean, "validation_nll": bench.validation_nll(state)})

    (name,) = job.arms
    if job.method != MIXED:
        state = trainer.federated(rows, bench.world.training.rounds)
        return {name: bench.measured(state)}, {name: state}
    losses.append({"round": 0, "validation_nll": bench.validation_nll(bench.start)})
    state = trainer.federated(rows, bench.world.training.rounds, after)
    return {name: {"losses": losses} | bench.measured(state)}, {name: state}


def _alone(job: Job, bench: Bench, rows: Rows) -> tuple[dict[str, dict[str, Any]], dict[str, State]]:
    """Every client trains alone; then the adapters are merged, and measured one by one."""
    trainer = Trainer(bench.lm, bench.start, bench.world.training, bench.seed)
    updates, train = trainer.alone(rows, bench.world.training.rounds)
    weights = client_weights({name: update.examples for name, update in updates.items()}, "uniform")  # as in the paper
    found, states = {}, {}
    for name in job.arms:
        how = name.removeprefix(f"{job.method}-")
        if how == LOCAL:
            each = [bench.measured(dict(update.state)) for update in updates.values()]  # type: ignore[arg-type]
            found[name] = {key: digits(np.mean([one[key] for one in each], axis=0)) for key in each[0]}
            continue
        states[name] = merge_adapters([updates[c].state for c in weights], list(weights.values()), how)  # type: ignore[arg-type]
        found[name] = {"train_loss": train} | bench.measured(states[name])
    return found, states


def make(listed: Sequence[Job], runs: Path, tables: Path) -> list[str]:
    """Make the jobs' arms that are missing, and return what could not be made, with the reason."""
    bench, left = None, []
    for job in listed:
        files = {name: runs / "arms" / job.folder / f"{name}.json" for name in job.arms}
        with claimed(runs / "claims" / job.name) as mine:
            if all(file.exists() for file in files.values()) and all(adapter(runs, job, a) for a in adapters(job)):
                continue
            missing = [planned.name for planned in job.tables if not planned.file(tables).exists()]
            if missing or not mine:
                left.append(f"{job.name}: {f'its table {missing[0]} is missing' if missing else AT_WORK}")
                continue
            bench = bench_for(job, bench)
            found, states = run(job, bench, tables)
            for name, content in found.items():
                write_json(content, files[name])
            for name in adapters(job):
                _save(states[name], fingerprint(found[name]), _file(runs, job, name))
            print(f"{job.name}: {time.strftime('%H:%M:%S')}", flush=True)
    return left


def _file(runs: Path, job: Job, name: str) -> Path:
    return runs / "adapters" / job.folder / f"{name}.safetensors"


def _save(state: State, trained: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as scratch:
        save_file(state, str(scratch), {"trained": trained})


def adapter(runs: Path, job: Job, name: str) -> Path | None:
    """The adapter of an arm in a run's folder; None where it is not there, or of another training than its numbers."""
    file, numbers = _file(runs, job, name), runs / "arms" / job.folder / f"{name}.json"
    if not file.exists() or not numbers.exists():
        return None
    with safe_open(file, "pt") as opened:
        trained = (opened.metadata() or {}).get("trained")
    return file if trained == fingerprint(json.loads(numbers.read_text())) else None


def adapters(job: Job) -> list[str]:
    """Arms of a job whose adapters are kept, to be asked later."""
    every = [name for name in job.arms if name != BASE and not name.endswith(f"-{LOCAL}")]
    return every if job.method in FINAL else []

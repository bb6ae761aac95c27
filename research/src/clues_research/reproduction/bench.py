"""Where arms are trained and measured: a model, the rows of a world and seed as tokens, and the test set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from clues.config import EvaluationSettings
from clues.data.encoding import Encoded
from clues.data.prepare import prepare_rows
from clues.evaluation.choice import right_choices
from clues.evaluation.labels import is_clean
from clues.evaluation.models import TestSet
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state
from clues.models.base import LanguageModel
from clues.scoring.passes import row_nll
from clues_research.reproduction.plan import MIXED, ORACLE, Job
from clues_research.reproduction.selections import kept_by_client
from clues_research.reproduction.tables import Planned, client_rows, load
from clues_research.reproduction.training import State
from clues_research.reproduction.worlds import World
from clues_research.selection.make import device
from clues_research.selection.mixtures import Mixed
from clues_research.selection.read import Table

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
        loaded = [Table.load(planned.file(tables)) for planned in job.tables]
        for planned, table in zip(job.tables, loaded, strict=True):
            planned.check(table.facts, planned.file(tables).name)
        return kept_by_client(loaded, job.method)

    def measured(self, state: State) -> dict[str, Any]:
        """NLL of every test row and, in a world with choices, whether the right answer is chosen, with an adapter."""
        load_adapter_state(self.lm.model, state)
        test = self.test
        found = {"nll": digits(row_nll(self.lm, test.encoded))}
        if self.world.choice_rows:
            asked, alone = (row_nll(self.lm, some) for some in (test.asked, test.alone))
            found["chosen"] = digits(right_choices(test.choices, asked, alone).astype(float))
        return found

    def validation_nll(self, state: State) -> float:
        """The mean over the public validation rows, with an adapter."""
        load_adapter_state(self.lm.model, state)
        return round(float(row_nll(self.lm, self.validation).mean()), DIGITS)

    def about(self) -> dict[str, Any]:
        """Documents of the test rows by number, the cluster of every interval; versions and the device."""
        numbers = np.unique(self.test.documents, return_inverse=True)[1].tolist()
        return {
            "facts": Planned(self.world, self.seed).facts(),
            "documents": numbers,
            "device": device(),
            "versions": {name: version(name) for name in LIBRARIES},
        }


def bench_for(job: Job, before: Bench | None) -> Bench:
    """The bench of a job's world and seed: the one before if it is that, or another on the same base model."""
    if before is not None and (before.world, before.seed) == (job.world, job.seed):
        return before
    if before is not None and before.world.model == job.world.model:
        base = replace(before.lm, model=before.lm.model.unload())  # type: ignore[operator]
    else:
        base = load(job.world)
    return Bench.of(base, job.world, job.seed)


def digits(values: np.ndarray) -> list[float]:
    """So many as are kept."""
    return [round(float(value), DIGITS) for value in values]

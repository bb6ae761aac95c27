"""Is the model better for it? Arms trained on some of the clients' rows, and their accuracy on test rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from clues.collaboration.aggregate import client_weights
from clues.collaboration.merge import merge_adapters
from clues.config import AdapterSettings, SelectionSettings, TrainingSettings
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state
from clues.models.base import LanguageModel
from clues.selection.rules import keep_rows
from clues.training.local import train
from clues_research.labels.options import encoded, measured
from clues_research.labels.tables import WARM_UP, LabelTable
from clues_research.labels.worlds import World
from clues_research.reproduction.training import State, Trainer
from clues_research.selection.tables import WarmUp

Way = Literal["together", "federated", "merged"]
BASE, MIXED, ORACLE, CHANCE = "base", "mixed", "oracle", "chance-dropped"
RULED = {"clues": "clues.kept", "cleanlab": "cleanlab.folds-3.kept"}
"""Arm -> the column that says what it keeps, by its own rule."""
PUBLISHED = "published.adam@8"
ARMS = (BASE, MIXED, *RULED, "published", ORACLE, CHANCE)
ROUNDS, LOCAL_STEPS = 6, 4
"""A client of 60 rows sees each about three times, as it does in `together`."""
PASSES = 3


@dataclass
class Bench:
    """Trains and measures arms of one world, all from the same adapter."""

    base: LanguageModel
    world: World
    seed: int
    warm_up: WarmUp = WARM_UP

    def __post_init__(self) -> None:
        settings = AdapterSettings(rank=self.warm_up.rank, target_modules=self.warm_up.target_modules)
        self.lm = add_adapter(self.base, settings, self.seed)
        self.start = adapter_state(self.lm.model)
        self.settings = TrainingSettings(
            rounds=ROUNDS, local_steps=LOCAL_STEPS, batch_size=self.warm_up.batch_size,
            learning_rate=self.warm_up.learning_rate,
        )  # fmt: skip

    @cached_property
    def encoded(self) -> list[Any]:
        """The clients' rows."""
        return encoded(self.lm, self.world.client)

    def arm(self, keep: np.ndarray, way: Way) -> dict[str, float]:
        """Trained on the rows that are kept, if any, and measured; with `cpu_seconds`."""
        begun = time.process_time()
        load_adapter_state(self.lm.model, self._trained(keep, way) if keep.any() else self.start)
        found = measured(self.lm, self.world.test)
        return {**found, "rows": int(keep.sum()), "cpu_seconds": round(time.process_time() - begun)}

    def _trained(self, keep: np.ndarray, way: Way) -> State:
        if way == "together":
            load_adapter_state(self.lm.model, self.start)
            own = [e for e, kept in zip(self.encoded, keep, strict=True) if kept]
            steps = PASSES * len(self.encoded) // self.settings.batch_size  # as many whatever is kept
            train(self.lm, own, self.settings, steps=steps, first_step=0, seed=self.seed)
            return adapter_state(self.lm.model)
        names = self.world.client.clients
        rows = {str(c): [self.encoded[i] for i in np.flatnonzero(keep & (names == c))] for c in np.unique(names)}
        trainer = Trainer(self.lm, self.start, self.settings, self.seed)
        if way == "federated":
            return trainer.federated(rows, ROUNDS)
        updates, _ = trainer.alone(rows, ROUNDS)
        weights = client_weights({name: update.examples for name, update in updates.items()}, "uniform")
        return merge_adapters([updates[c].state for c in weights], list(weights.values()), "linear")  # type: ignore[arg-type]

    def close(self) -> None:
        """Take the adapter off the base."""
        self.lm.model.unload()  # type: ignore[operator]


def kept_by(arm: str, world: World, table: LabelTable | None, seed: int) -> np.ndarray:
    """[R] bool, the clients' rows that an arm trains on; none for the base.

    Raises KeyError where the table lacks the scorer that the arm goes by.
    """
    wrong = world.client.wrong
    if arm == BASE:
        return np.zeros(len(wrong), bool)
    if arm == MIXED:
        return np.ones(len(wrong), bool)
    if arm == ORACLE:
        return ~wrong
    if arm == CHANCE:
        drop = np.random.default_rng([seed, 7]).permutation(len(wrong))[: wrong.sum()]
        return ~np.isin(np.arange(len(wrong)), drop)
    if table is None:
        raise KeyError(arm)
    if arm in RULED:
        return table.values(RULED[arm]) > 0
    score, anchors = table.values(PUBLISHED), table.values(PUBLISHED, "anchor")
    return keep_rows(SelectionSettings("anchor-mean"), np.zeros(len(score)), score, anchors)


def arms(bench: Bench, table: LabelTable | None, way: Way, names: tuple[str, ...] = ARMS) -> Mapping[str, dict]:
    """Arm -> what it came to; an arm whose scorer no table has is left out, and named."""
    found = {}
    for name in names:
        try:
            keep = kept_by(name, bench.world, table, bench.seed)
        except KeyError as error:
            print(f"{name}: left out, for the table has no {error}")
            continue
        found[name] = bench.arm(keep, way)
    return found

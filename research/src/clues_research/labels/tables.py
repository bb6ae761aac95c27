"""One warm-up, one table: what every scorer says of every client row and anchor of a noisy world.

A line is a row and a scorer. Each stage is kept in a folder as it is done, so an interrupted table goes on. Text is
nowhere in a table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file

from clues.baselines.datainf import datainf_direction
from clues.baselines.less import Less
from clues.baselines.likelihoods import perplexity, uniform
from clues.config import AdapterSettings, TrainingSettings
from clues.disk.writing import replacing
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.passes import gradient_pass, token_nll
from clues.scoring.per_sample import Norms
from clues.scoring.probe import Probe
from clues.scoring.published import validation_moments
from clues.training.local import train
from clues_research.labels.embeddings import prompt_embeddings, regression_logits
from clues_research.labels.options import encoded, option_logits
from clues_research.labels.product import product_scores
from clues_research.labels.scorers import Read, scores
from clues_research.labels.worlds import Labelled, World
from clues_research.selection.tables import WarmUp

STEPS = (8, 16, 30, 60, 90)
"""Of 8 rows: a quarter, half, one, two and three passes over 240 rows."""
WARM_UP = WarmUp(steps=STEPS)
GRADIENTS = (8, 16)
"""Steps at whose checkpoints gradients are read: in the first pass, where they say most."""
FOLD_PASSES = (1, 3)
"""Over the other clients' rows."""


@dataclass
class TableMaker:
    """Makes one table in a folder that keeps what is done."""

    base: LanguageModel
    world: World
    """With the noise in its client rows."""
    seed: int
    folder: Path
    warm_up: WarmUp = WARM_UP

    def __post_init__(self) -> None:
        self.client, self.anchor = self.world.client, self.world.anchor
        self.both = Labelled(
            [*self.client.rows, *self.anchor.rows],
            [*self.client.options, *self.anchor.options],
            np.concatenate([self.client.true, self.anchor.true]),
        )
        self.encoded = encoded(self.base, self.both)
        self.clients = len(self.client.rows)
        self.training = TrainingSettings(batch_size=self.warm_up.batch_size, learning_rate=self.warm_up.learning_rate)
        self.folder.mkdir(parents=True, exist_ok=True)

    def make(self) -> pa.Table:
        """All scorers on all rows."""
        columns = self._once("base", self._base)
        settings = AdapterSettings(rank=self.warm_up.rank, target_modules=self.warm_up.target_modules)
        lm = add_adapter(self.base, settings, self.seed)
        self.start = adapter_state(lm.model)
        self._warm_up(lm)
        under = {k: self._once(f"logits-{k}", lambda: self._logits(lm, k)) for k in self.warm_up.steps}  # noqa: B023
        for k in [k for k in GRADIENTS if k in self.warm_up.steps]:
            found = self._once(f"gradients-{k}", lambda: self._gradients(lm, k))  # noqa: B023
            columns |= {f"{name}@{k}": values for name, values in found.items()}
        folds = self._once("folds", lambda: self._folds(lm))
        regression = None
        if self.world.classes is not None:
            regression = regression_logits(
                columns["embeddings"][: self.clients], self.client.given, len(self.world.classes), self.seed
            )
        read = Read(
            columns.pop("logits"),
            {k: found["logits"] for k, found in under.items()},
            {int(name): values for name, values in folds.items()},
            regression,
        )
        columns.pop("embeddings")
        columns |= scores(read, self.both.given, self.clients)
        columns |= self._once("product", lambda: product_scores(self.world, lm, self.folder, self.seed))
        lm.model.unload()  # type: ignore[operator]
        return self._long(columns)

    def _once(self, name: str, work: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        file = self.folder / f"{name}.npz"
        if not file.exists():
            begun = time.process_time()
            with replacing(file) as scratch, scratch.open("wb") as out:
                np.savez(out, **work())  # type: ignore[arg-type]
            print(f"  {name}: {time.process_time() - begun:.0f} s of the processor", flush=True)
        with np.load(file) as found:
            return dict(found)

    def _base(self) -> dict[str, np.ndarray]:
        return {
            "logits": option_logits(self.base, self.both, seed=self.seed),
            "embeddings": prompt_embeddings(self.base, self.both),
            "perplexity": perplexity(token_nll(self.base, self.encoded)),
            "random": uniform(self.encoded, self.seed),
        }

    def _warm_up(self, lm: LanguageModel) -> None:
        """The adapter after each of the steps, in a file; one training, so that the optimizer is never begun anew."""
        if all(self._checkpoint(k).exists() for k in self.warm_up.steps):
            return
        for k, state in self._trained(lm, list(range(self.clients)), self.warm_up.steps).items():
            with replacing(self._checkpoint(k)) as scratch:
                save_file(state, str(scratch))

    def _checkpoint(self, k: int) -> Path:
        return self.folder / f"checkpoint-{k}.safetensors"

    def _trained(self, lm: LanguageModel, rows: list[int], steps: tuple[int, ...]) -> dict[int, Any]:
        states: dict[int, Any] = {}
        done = 0

        def on_step() -> None:
            nonlocal done
            done += 1
            if done in steps:
                states[done] = adapter_state(lm.model)

        load_adapter_state(lm.model, self.start)
        own = [self.encoded[i] for i in rows]
        train(lm, own, self.training, steps=max(steps), first_step=0, seed=self.seed, on_step=on_step)
        return states

    def _logits(self, lm: LanguageModel, k: int) -> dict[str, np.ndarray]:
        load_adapter_state(lm.model, load_file(str(self._checkpoint(k))))
        return {"logits": option_logits(lm, self.both, seed=self.seed)}

    def _gradients(self, lm: LanguageModel, k: int) -> dict[str, np.ndarray]:
        """The published scores, LESS, DataInf, and the norm of a row's gradient (GraNd), which is lower for better."""
        load_adapter_state(lm.model, load_file(str(self._checkpoint(k))))
        moments = validation_moments(lm, encoded(lm, self.world.validation))
        observers = [*moments.observers(), Less(moments), Norms(lora_parameters(lm.model))]
        if k == max(GRADIENTS):
            observers.append(Probe(datainf_direction(lm, self.encoded[: self.clients], moments.gradient)))
        found = gradient_pass(lm, self.encoded, observers)
        wanted = {name: found[name] for name in found if name.split(".")[0] in ("published", "less", "datainf")}
        return {**wanted, "grand": -found["gradient.norm"]}

    def _folds(self, lm: LanguageModel) -> dict[str, np.ndarray]:
        """Passes -> [R + n, K] under adapters that were trained on the other clients."""
        names, anchors = self.client.clients, np.arange(self.clients, len(self.both.rows))
        found: dict[str, np.ndarray] = {}
        for turn, client in enumerate(np.unique(names)):
            others = np.flatnonzero(names != client).tolist()
            passes = {max(1, p * len(others) // self.warm_up.batch_size): p for p in FOLD_PASSES}
            held = np.concatenate([np.flatnonzero(names == client), anchors if turn == 0 else anchors[:0]])
            for steps, state in self._trained(lm, others, tuple(passes)).items():
                load_adapter_state(lm.model, state)
                logits = option_logits(lm, self.both.some(held), seed=self.seed)
                kept = found.setdefault(str(passes[steps]), np.full((len(self.both.rows), logits.shape[1]), np.nan))
                kept[held] = logits
        return found

    @cached_property
    def about(self) -> dict[str, list | np.ndarray]:
        """What a row is: its role, place, client, label that it says and true one; never its text."""
        anchors = len(self.both.rows) - self.clients
        return {
            "role": ["client"] * self.clients + ["anchor"] * anchors,
            "row": [*range(self.clients), *range(anchors)],
            "client": self.both.clients.tolist(),
            "label": self.both.given,
            "true": self.both.true,
        }

    def _long(self, columns: Mapping[str, np.ndarray]) -> pa.Table:
        rows = len(self.both.rows)
        repeated = {name: list(values) * len(columns) for name, values in self.about.items()}
        named = [name for name in columns for _ in range(rows)]
        values = np.concatenate([np.asarray(x, np.float32) for x in columns.values()])
        return pa.table({**repeated, "scorer": named, "value": values})


@dataclass(frozen=True)
class LabelTable:
    """A table as it was written."""

    table: pa.Table
    facts: Mapping[str, Any]

    @staticmethod
    def load(file: Path) -> LabelTable:
        """Read what `selection.tables.write` wrote."""
        found = pq.read_table(file)
        return LabelTable(found, json.loads((found.schema.metadata or {}).get(b"clues", b"{}")))

    @cached_property
    def scorers(self) -> list[str]:
        """Names, in their order."""
        return list(dict.fromkeys(self.table["scorer"].to_pylist()))

    def column(self, name: str, role: str = "client") -> np.ndarray:
        """What a row is, once per row."""
        own = self._of(self.scorers[0], role)
        return self.table[name].to_numpy(zero_copy_only=False)[own]

    def values(self, scorer: str, role: str = "client") -> np.ndarray:
        """[R] of a scorer. Raises KeyError for one that is not there."""
        if scorer not in self.scorers:
            raise KeyError(scorer)
        return self.table["value"].to_numpy()[self._of(scorer, role)].astype(float)

    def _of(self, scorer: str, role: str) -> np.ndarray:
        names, roles = (self.table[n].to_numpy(zero_copy_only=False) for n in ("scorer", "role"))
        return (names == scorer) & (roles == role)

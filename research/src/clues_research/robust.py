"""One of four clients lies about what it trained: what the averages make of it, by the packaged model.

The demo's four sites train together on all of their rows, as its warm-up does. One sends instead of its update the same
with its sign flipped, scaled, or with noise; then the held-out rows tell what the shared model lost against a run
without that site, and against the plain average where all are honest. What is measured is not measured again.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clues.collaboration.aggregate import Averaging, Update, aggregate
from clues.collaboration.fit import Limits
from clues.config import AdapterSettings, ModelSettings, SampleSettings, TrainingSettings
from clues.data.prepare import prepare_rows
from clues.data.sample import draw_sample
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state
from clues.models.base import LanguageModel, load_base
from clues.scoring.passes import row_nll
from clues.training.local import train
from clues_research.places import RESULTS

SITES = ("GHR", "GARD", "NINDS", "SeniorHealth")
TRAINING = TrainingSettings(batch_size=2, learning_rate=2e-3)  # of the demo: 4 rounds of 4 steps
State = dict[str, Tensor]


def _noise(like: Tensor, seed: int) -> Tensor:
    """Noise of the length that `like` has."""
    drawn = torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))
    return drawn * like.square().mean().sqrt()


LIES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "honest": lambda moved, _: moved,
    "flipped": lambda moved, _: -moved,
    "half-flipped": lambda moved, _: -moved / 2,
    "times-30": lambda moved, _: 30 * moved,
    "times-1e6": lambda moved, _: 1e6 * moved,
    "noise": lambda moved, seed: _noise(moved, seed),
    "noise-1": lambda moved, seed: torch.randn(moved.shape, generator=torch.Generator().manual_seed(seed)),
    "half-noise": lambda moved, seed: moved / 2 + _noise(moved, seed) / 2,
    "added-noise": lambda moved, seed: moved + 3 * _noise(moved, seed),
}
"""What the liar makes of its update."""
RULES = ("plain", "default", "median", "trimmed-mean", "without")
"""`plain`: the weighted average of whatever is finite. `without`: that of the other three."""


@dataclass
class World:
    """Four sites of one seed, and a model that trains on the rows of each."""

    lm: LanguageModel
    seed: int
    start: State = field(init=False)
    trained: dict[str, State] = field(default_factory=dict)
    """Trainings that were made, by what they began with."""

    def __post_init__(self) -> None:
        sample = draw_sample(SampleSettings(clients=SITES), self.seed)
        tokens = (self.lm.tokenizer, self.lm.settings.max_length)
        self.rows = {site: prepare_rows(rows, *tokens).encoded for site, rows in sample.clients.items()}
        self.validation = prepare_rows(sample.validation, *tokens).encoded
        self.test = prepare_rows(sample.test, *tokens).encoded
        self.start = adapter_state(self.lm.model)

    def loss(self, state: Mapping[str, object], test: bool = False) -> float:
        """Mean NLL of the public validation rows, or of the test rows."""
        load_adapter_state(self.lm.model, {name: torch.as_tensor(t) for name, t in state.items()})
        return float(np.mean(row_nll(self.lm, self.test if test else self.validation)))

    def local(self, site: str, state: State, number: int) -> State:
        """The adapter after a site's steps of a round."""
        key = hashlib.sha256(b"".join(t.numpy().tobytes() for t in state.values())).hexdigest() + f" {site} {number}"
        if key not in self.trained:
            load_adapter_state(self.lm.model, state)
            steps, order = TRAINING.local_steps, self.seed * 2**32 + zlib.crc32(site.lower().encode())
            train(self.lm, self.rows[site], TRAINING, steps=steps, first_step=number * steps, seed=order)
            self.trained[key] = adapter_state(self.lm.model)
        return self.trained[key]


def measured(world: World, lie: str, rule: str) -> dict[str, object]:
    """One federation: the test NLL at its end, and who was left out of which round."""
    liar = SITES[world.seed % len(SITES)]
    sites = [site for site in SITES if rule != "without" or site != liar]
    how = {
        "default": Averaging(most_weight=0.5, limits=Limits(TRAINING.learning_rate, world.loss)),
        "median": Averaging(robust="median", limits=Limits(TRAINING.learning_rate, world.loss)),
        "trimmed-mean": Averaging(robust="trimmed-mean", limits=Limits(TRAINING.learning_rate, world.loss)),
    }.get(rule, Averaging())
    state, refused, by = world.start, [], []
    for number in range(TRAINING.rounds):
        updates = {}
        for site in sites:
            ends = world.local(site, state, number)
            if site == liar and lie != "honest":
                seed = world.seed * 1000 + number
                ends = {k: state[k] + LIES[lie](ends[k] - state[k], seed + i) for i, k in enumerate(ends)}
            updates[site] = Update(ends, len(world.rows[site]), TRAINING.local_steps)
        averaged = aggregate(updates, state, how)
        state = averaged.state
        refused.append(averaged.refused)
        by.append(averaged.judged_by)
    return {"test_nll": world.loss(state, test=True), "liar": liar, "refused": refused, "judged_by": by}


def robust(*, seeds: str = "0 1 2 3 4", output: Path = RESULTS / "robust.json") -> None:
    """Measure on the seeds, separated by spaces, what the file has not yet."""
    found = json.loads(output.read_text()) if output.exists() else {}
    base = load_base(ModelSettings())
    for seed in seeds.split():
        cases = [(lie, rule) for lie in LIES for rule in RULES if rule != "without" or lie == "honest"]
        todo = [(lie, rule) for lie, rule in cases if f"{lie} {rule}" not in found.get(seed, {})]
        if not todo:
            continue
        lm = add_adapter(base, AdapterSettings(), int(seed))
        world = World(lm, int(seed))
        mine = found.setdefault(seed, {"base": {"test_nll": world.loss(world.start, test=True)}})
        for lie, rule in todo:
            mine[f"{lie} {rule}"] = measured(world, lie, rule)
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(found, indent=1) + "\n")
            print(seed, lie, rule, mine[f"{lie} {rule}"], flush=True)
        lm.model.unload()  # type: ignore[operator]

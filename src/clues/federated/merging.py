"""The merge of a run: adapters that clients trained alone become one, in PEFT's format, before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch

from clues.collaboration.adaptive import adaptive_weights
from clues.collaboration.aggregate import Update, client_weights
from clues.collaboration.merge import merge_adapters
from clues.collaboration.state import State
from clues.config.names import Method, Weights
from clues.federated.adapters import Adapters
from clues.federated.plan import Plan
from clues.federated.public import PublicSide
from clues.folders.arm import Arm, Combined
from clues.models.adapters import load_adapter_state, lora_parameters
from clues.progress import Advance
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.passes import row_nll

ADAPTIVE_STEPS = 8
"""Validation passes, forward and backward, that finding the client weights may cost."""


@dataclass(frozen=True)
class Merging:
    """Merges the adapters of one arm in every way that the plan has for it."""

    plan: Plan
    side: PublicSide
    adapters: Adapters
    arm: Arm
    updates: Mapping[str, Update]

    def run(self, advance: Advance) -> None:
        """Every merge that is not on disk yet."""
        weights = cache(self._weights)
        for merge in self.plan.merges(self.arm):
            one = Combined(self.arm, merge)
            if not self.adapters.has(one):
                self.adapters.save(self._merged(merge.method, weights(merge.weights)), one)
            advance(note=f"{one.name(self.plan.usual)} is merged")

    def _merged(self, method: Method, weights: Mapping[str, float]) -> dict[str, torch.Tensor]:
        states = [self.updates[name].state for name in weights]
        return merge_adapters(states, list(weights.values()), method, self.plan.settings.density)

    def _weights(self, how: Weights) -> dict[str, float]:
        if how == "adaptive":
            states = {name: update.state for name, update in self.updates.items()}
            return adaptive_weights(states, self._validation_loss, ADAPTIVE_STEPS).weights
        examples = {name: update.examples for name, update in self.updates.items()}
        return client_weights(examples, how, self.plan.settings.most_weight)

    def _validation_loss(self, state: State) -> tuple[float, State]:
        """Mean loss over the public validation rows and its gradient by the adapter's file names."""
        lm, good = self.side.lm, self.side.validation.good
        load_adapter_state(lm.model, {name: torch.as_tensor(t) for name, t in state.items()})
        loss = float(row_nll(lm, good).mean())
        gradients = mean_gradient(lm, good, lora_parameters(lm.model))
        return loss, {name.replace(".default.", "."): g for name, g in gradients.items()}

"""Training together by the product's own parts: local steps, averages over rounds, or each client alone."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from clues.collaboration.aggregate import Update, aggregate
from clues.config import TrainingSettings
from clues.data.encoding import Encoded
from clues.models.adapters import adapter_state, load_adapter_state
from clues.models.base import LanguageModel
from clues.training.local import train

State = dict[str, Tensor]
Rows = Mapping[str, Sequence[Encoded]]
"""Client -> the rows it trains on; a client without rows does not take part."""
AfterRound = Callable[[int, State, Mapping[str, float]], None]
"""(round, adapter, training loss of every client)"""


@dataclass(frozen=True)
class Trainer:
    """Trains arms of one world and seed, all from the same adapter."""

    lm: LanguageModel
    start: State
    settings: TrainingSettings
    seed: int

    def federated(self, rows: Rows, rounds: int, after: AfterRound = lambda *_: None) -> State:
        """FedAvg: local steps of every client, then the average by numbers of rows (`samples`)."""
        state, steps = self.start, self.settings.local_steps
        for number in range(1, rounds + 1):
            updates, losses = self._local(rows, state, steps, (number - 1) * steps)
            state = aggregate(updates, state).state
            after(number, state, losses)
        return state

    def alone(self, rows: Rows, rounds: int) -> tuple[dict[str, Update], dict[str, float]]:
        """Every client by itself, as many steps as in so many rounds; updates and training losses."""
        return self._local(rows, self.start, rounds * self.settings.local_steps, 0)

    def _local(self, rows: Rows, state: State, steps: int, first: int) -> tuple[dict[str, Update], dict[str, float]]:
        updates, losses = {}, {}
        for name in sorted(name for name, own in rows.items() if own):
            load_adapter_state(self.lm.model, state)
            # A client's order of rows depends on the seed and its name, as in the product, and not on the arm.
            order = self.seed * 2**32 + zlib.crc32(name.encode())
            losses[name] = train(self.lm, rows[name], self.settings, steps=steps, first_step=first, seed=order)
            updates[name] = Update(adapter_state(self.lm.model), len(rows[name]))
        return updates, losses

"""Arms: trainings that differ only in the rows the clients use; each federated, and trained alone to be merged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from clues.collaboration.aggregate import Update, aggregate, usable_updates
from clues.config import TrainingSettings
from clues.disk.writing import replacing, write_json
from clues.federated.federation import Federation
from clues.federated.wire import ADAPTER, Result, Task
from clues.progress import Advance

State = dict[str, Tensor]


@dataclass(frozen=True)
class Arms:
    """Trains arms over a federation. Every finished round is on disk, and a resumed run goes on after it."""

    federation: Federation
    folder: Path
    settings: TrainingSettings
    weights: str
    """`uniform` or `samples`: how a round's updates are averaged."""

    def federated(
        self, arm: str, start: State, advance: Advance, after_round: Callable[[int, State], None] | None = None
    ) -> State:
        """Rounds of local steps and weighted averages, from `start`; `after_round(number, adapter)` after each."""
        state, local_steps = start, self.settings.local_steps
        for number in range(1, self.settings.rounds + 1):
            file = self._folder(arm, "federated") / "rounds" / f"{number}.safetensors"
            if file.exists():
                state = load_file(str(file))
                advance(len(self.federation.nodes), f"{arm}: round {number} was done before")
            else:
                settings = {"arm": arm, "steps": local_steps, "first_step": (number - 1) * local_steps}
                updates, results = self._ask(settings, state, advance, f"{arm}: round {number}")
                round_ = aggregate(updates, state, "uniform" if self.weights == "uniform" else "samples")
                state = round_.state
                self._record(arm, "rounds", number, results, round_.refused)
                _save(state, file)
            if after_round is not None:
                after_round(number, state)
        return state

    def alone(self, arm: str, start: State, advance: Advance) -> dict[str, Update]:
        """Each client trains alone, as many steps as it makes in all federated rounds."""
        folder = self._folder(arm, "alone")
        if not (folder / "examples.json").exists():
            steps = self.settings.rounds * self.settings.local_steps
            settings = {"arm": arm, "steps": steps, "first_step": 0}
            updates, results = self._ask(settings, start, advance, f"{arm}: alone")
            usable, refused = usable_updates(updates, start)
            self._record(arm, "alone", 1, results, refused)
            for name, update in usable.items():
                _save({k: torch.as_tensor(t) for k, t in update.state.items()}, folder / f"{name}.safetensors")
            write_json({"examples": {n: u.examples for n, u in usable.items()}}, folder / "examples.json")
        examples = json.loads((folder / "examples.json").read_text())["examples"]
        return {name: Update(load_file(str(folder / f"{name}.safetensors")), n) for name, n in examples.items()}

    def _ask(
        self, settings: Mapping[str, Any], state: State, advance: Advance, note: str
    ) -> tuple[dict[str, Update], dict[str, Result]]:
        task = Task("train", settings, {ADAPTER + name: t.numpy() for name, t in state.items()})
        results = self.federation.ask(
            dict.fromkeys(self.federation.nodes, task), lambda name, _result: advance(1, f"{note}, {name}")
        )
        updates = {
            name: Update({k.removeprefix(ADAPTER): a for k, a in r.arrays.items()}, int(r.numbers["examples"]))
            for name, r in results.items()
            if not r.error
        }
        return updates, results

    def _folder(self, arm: str, how: str) -> Path:
        return self.folder / "adapters" / f"{arm}-{how}"

    def _record(
        self, arm: str, part: str, number: int, results: Mapping[str, Result], refused: Mapping[str, str]
    ) -> None:
        """Add one round to training.json: what each client reported, what it cost, and why an update is missing."""
        file = self.folder / "training.json"
        log = json.loads(file.read_text()) if file.exists() else {"arms": {}}
        clients = {}
        for name, result in results.items():
            exchange = self.federation.exchanges[name]
            numbers = result.numbers
            clients[name] = {
                "rows": numbers.get("examples"),
                "train_loss": numbers.get("train_loss"),
                "seconds": numbers.get("seconds"),
                "bytes_down": exchange.bytes_down,
                "bytes_up": exchange.bytes_up,
                "error": result.error or refused.get(name, ""),
            }
        failed = [name for name, client in clients.items() if client["error"]]
        entry = {"round": number, "clients": clients, "failed": failed}
        log["arms"].setdefault(arm, {}).setdefault(part, []).append(entry)
        write_json(log, file)


def _save(state: State, file: Path) -> None:
    with replacing(file) as scratch:
        save_file({name: t.contiguous() for name, t in state.items()}, str(scratch))

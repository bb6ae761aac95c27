"""training.json: what each client reported of every round of every arm. No torch here: the pages read it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from clues.disk.reading import read_json_if_there
from clues.disk.writing import write_json
from clues.folders.files import parse

Part = Literal["rounds", "alone"]
"""Federated rounds, or each client alone: a single one, whose adapters are merged."""


@dataclass(frozen=True)
class ClientRound:
    """One client in one round: what it reported, and what the exchange cost. Numbers are None where it failed."""

    rows: int | None
    train_loss: float | None
    """Mean over its steps, nats per response token."""
    seconds: float | None
    """That the client worked."""
    bytes_down: int
    bytes_up: int
    error: str
    """Empty, an error code of the wire, or why its update was refused."""


@dataclass(frozen=True)
class Round:
    """All clients in one round."""

    round: int
    """1-based."""
    clients: Mapping[str, ClientRound]
    failed: tuple[str, ...]
    """Clients without a usable update."""

    @staticmethod
    def of(number: int, clients: Mapping[str, ClientRound]) -> Round:
        """A round from its clients."""
        return Round(number, clients, tuple(name for name, client in clients.items() if client.error))


@dataclass(frozen=True)
class ArmLog:
    """An arm's rounds, as far as they are done."""

    rounds: tuple[Round, ...] = ()
    alone: tuple[Round, ...] = ()

    def with_round(self, part: Part, one: Round) -> ArmLog:
        """The same with one round more; it takes the place of one with its number."""
        others = (r for r in getattr(self, part) if r.round != one.round)
        return replace(self, **{part: tuple(sorted((*others, one), key=lambda r: r.round))})


@dataclass(frozen=True)
class TrainingLog:
    """The content of training.json."""

    arms: Mapping[str, ArmLog] = field(default_factory=dict)

    def with_round(self, arm: str, part: Part, one: Round) -> TrainingLog:
        """The same with one round more. A round that was logged before, by a run that was killed before it had kept
        the round's adapter, is replaced: there is one entry for each arm, part and round."""
        return TrainingLog({**self.arms, arm: self.arms.get(arm, ArmLog()).with_round(part, one)})


@dataclass(frozen=True)
class TrainingFile:
    """training.json: a `TrainingLog`."""

    path: Path

    def read(self) -> TrainingLog:
        """The log; an empty one where nothing was trained. Raises FolderError, see `read_json`."""
        return parse(TrainingLog, read_json_if_there(self.path), str(self.path), "run the job again")

    def write(self, log: TrainingLog) -> None:
        """The log, whole or not at all. A part that an arm has not is left out."""
        arms = {
            name: {part: rounds for part, rounds in asdict(arm).items() if rounds} for name, arm in log.arms.items()
        }
        write_json({"arms": arms}, self.path)

"""Arms: trainings that differ only in the rows the clients use; each federated, and trained alone to be merged."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from clues.collaboration.aggregate import Update, aggregate, usable_updates
from clues.config import TrainingSettings
from clues.disk.writing import replacing, write_json
from clues.federated.federation import Federation
from clues.federated.replies import Failure, TrainReply
from clues.federated.tasks import Train
from clues.federated.wire import Arrays
from clues.folders.arm import Arm
from clues.folders.run import RunFolder
from clues.folders.training import ClientRound, Part, Round
from clues.progress import Advance


@dataclass(frozen=True)
class Arms:
    """Trains arms over a federation. Every finished round is on disk, and a resumed run goes on after it."""

    federation: Federation
    folder: RunFolder
    settings: TrainingSettings
    weights: str
    """`uniform` or `samples`: how a round's updates are averaged."""

    def rounds(self, arm: Arm, start: dict[str, Tensor], advance: Advance) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Rounds of local steps and weighted averages, from `start`; the number and the adapter of each."""
        state, local_steps = start, self.settings.local_steps
        for number in range(1, self.settings.rounds + 1):
            file = self.folder.round(arm.name, number)
            if file.exists():
                state = load_file(str(file))
                advance(len(self.federation.nodes), f"{arm.name}: round {number} was done before")
            else:
                task = Train(arm, local_steps, (number - 1) * local_steps, _arrays(state))
                answers = self._ask(task, advance, f"{arm.name}: round {number}")
                averaged = aggregate(_updates(answers), state, "uniform" if self.weights == "uniform" else "samples")
                state = averaged.state
                self._record(arm, "rounds", number, answers, averaged.refused)
                _save(state, file)
            yield number, state

    def federated(self, arm: Arm, start: dict[str, Tensor], advance: Advance) -> dict[str, Tensor]:
        """The adapter after the last of the rounds."""
        return deque(self.rounds(arm, start, advance), maxlen=1).pop()[1]

    def alone(self, arm: Arm, start: dict[str, Tensor], advance: Advance) -> dict[str, Update]:
        """Each client trains alone, as many steps as it makes in all federated rounds."""
        counted = self.folder.examples(arm.name)
        if not counted.exists():
            task = Train(arm, self.settings.rounds * self.settings.local_steps, 0, _arrays(start))
            answers = self._ask(task, advance, f"{arm.name}: alone")
            usable, refused = usable_updates(_updates(answers), start)
            self._record(arm, "alone", 1, answers, refused)
            for name, update in usable.items():
                _save({k: torch.as_tensor(t) for k, t in update.state.items()}, self.folder.alone(arm.name, name))
            write_json({"examples": {n: u.examples for n, u in usable.items()}}, counted)
        examples = json.loads(counted.read_text())["examples"]
        return {name: Update(load_file(str(self.folder.alone(arm.name, name))), n) for name, n in examples.items()}

    def _ask(self, task: Train, advance: Advance, note: str) -> dict[str, TrainReply | Failure]:
        return self.federation.ask(
            dict.fromkeys(self.federation.nodes, task), lambda name, _answer: advance(1, f"{note}, {name}")
        )

    def _record(
        self,
        arm: Arm,
        part: Part,
        number: int,
        answers: Mapping[str, TrainReply | Failure],
        refused: Mapping[str, str],
    ) -> None:
        """What each client reported, what it cost, and why an update is missing.

        It is written before the adapter: a run killed between the two trains the round again and writes it anew.
        """
        clients = {name: self._client(name, answer, refused.get(name, "")) for name, answer in answers.items()}
        file = self.folder.training
        file.write(file.read().with_round(arm.name, part, Round.of(number, clients)))

    def _client(self, name: str, answer: TrainReply | Failure, refusal: str) -> ClientRound:
        cost = self.federation.exchanges[name]
        if isinstance(answer, Failure):
            return ClientRound(None, None, None, cost.bytes_down, cost.bytes_up, answer.code)
        reported = (answer.examples, answer.train_loss, answer.seconds)
        return ClientRound(*reported, cost.bytes_down, cost.bytes_up, refusal)


def _arrays(state: Mapping[str, Tensor]) -> Arrays:
    return {name: tensor.numpy() for name, tensor in state.items()}


def _updates(answers: Mapping[str, TrainReply | Failure]) -> dict[str, Update]:
    trained = {name: answer for name, answer in answers.items() if isinstance(answer, TrainReply)}
    return {name: Update(dict(reply.adapter), reply.examples) for name, reply in trained.items()}


def _save(state: Mapping[str, Tensor], file: Path) -> None:
    with replacing(file) as scratch:
        save_file({name: t.contiguous() for name, t in state.items()}, str(scratch))

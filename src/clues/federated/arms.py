"""Arms: trainings that differ only in the rows the clients use; each federated, and trained alone to be merged."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from clues.collaboration.aggregate import Averaging, Update, aggregate, fit_updates
from clues.collaboration.fit import flat, too_far
from clues.config import TrainingSettings
from clues.disk.writing import replacing, write_json
from clues.errors import NoUpdateError
from clues.federated.asking import Asking, Trained
from clues.federated.replies import ClientReply, Failure, TrainReply
from clues.federated.tasks import Train
from clues.federated.wire import Arrays
from clues.folders.arm import Arm
from clues.folders.run import RunFolder
from clues.folders.training import ClientRound, Part, Round
from clues.progress import Advance


@dataclass(frozen=True)
class Arms:
    """Trains arms over a federation. Every finished round is on disk, and a resumed run goes on after it."""

    asking: Asking
    folder: RunFolder
    settings: TrainingSettings
    averaging: Averaging
    before_round: Callable[[], None] = lambda: None
    """Lets clients that have come, or come back, do what they have missed."""

    def rounds(self, arm: Arm, start: dict[str, Tensor], advance: Advance) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Rounds of local steps and weighted averages, from `start`; the number and the adapter of each."""
        state, local_steps = start, self.settings.local_steps
        for number in range(1, self.settings.rounds + 1):
            file = self.folder.round(arm.name, number)
            before = self._sound(file, state)
            if before is not None:
                state = before
                advance(len(self.asking.federation.nodes), f"{arm.name}: round {number} was done before")
            else:
                self.before_round()
                task = Train(arm, local_steps, (number - 1) * local_steps, _arrays(state))
                trained = self._ask(task, advance, f"{arm.name} round {number}")
                averaged = aggregate(_updates(trained), state, self.averaging)
                self._record(arm, "rounds", number, trained, averaged.refused)
                if all(torch.equal(averaged.state[name], before) for name, before in state.items()):
                    raise NoUpdateError(f"{arm.name} round {number} has trained nothing: no weight has changed")
                state = averaged.state
                _save(state, file)
                self.asking.kept.clear()
            yield number, state

    def federated(self, arm: Arm, start: dict[str, Tensor], advance: Advance) -> dict[str, Tensor]:
        """The adapter after the last of the rounds."""
        return deque(self.rounds(arm, start, advance), maxlen=1).pop()[1]

    def alone(self, arm: Arm, start: dict[str, Tensor], advance: Advance) -> dict[str, Update]:
        """Each client trains alone, as many steps as it makes in all federated rounds."""
        counted = self.folder.examples(arm.name)
        if not counted.exists():
            self.before_round()
            task = Train(arm, self.settings.rounds * self.settings.local_steps, 0, _arrays(start))
            trained = self._ask(task, advance, f"{arm.name} alone")
            usable, refused, _ = fit_updates(_updates(trained), start, replace(self.averaging, robust="none"))
            self._record(arm, "alone", 1, trained, refused)
            for name, update in usable.items():
                _save({k: torch.as_tensor(t) for k, t in update.state.items()}, self.folder.alone(arm.name, name))
            write_json({"examples": {n: u.examples for n, u in usable.items()}}, counted)
            self.asking.kept.clear()
        examples = json.loads(counted.read_text())["examples"]
        return {name: Update(load_file(str(self.folder.alone(arm.name, name))), n) for name, n in examples.items()}

    def _sound(self, file: Path, before: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """The adapter of a round that was done before; None where there is none, or one that no training comes to: it
        is then trained again, for what is poisoned would spoil every round after it."""
        if not file.exists():
            return None
        state = load_file(str(file))
        moved = {"average": flat(state, before)}
        if moved["average"].isfinite().all() and not too_far(
            moved, {"average": self.settings.local_steps}, self.settings.learning_rate
        ):
            return state
        self.asking.federation.say(f"{file}: no training comes to this adapter; its round is done again")
        return None

    def _ask(self, task: Train, advance: Advance, step: str) -> dict[str, Trained]:
        def told(name: str, answer: ClientReply | Failure) -> None:
            failed = f" failed: {answer.meaning}" if isinstance(answer, Failure) else ""
            advance(1, f"{step}, {name}{failed}")

        return self.asking.training(step, task, "selection" if task.arm.rows == "kept" else "", told)

    def _record(
        self, arm: Arm, part: Part, number: int, trained: Mapping[str, Trained], refused: Mapping[str, str]
    ) -> None:
        """What each client reported, what it cost, and why an update is missing.

        It is written before the adapter: a run killed between the two trains the round again and writes it anew.
        """
        clients = {name: _client(one, refused.get(name, "")) for name, one in trained.items()}
        file = self.folder.training
        file.write(file.read().with_round(arm.name, part, Round.of(number, clients)))
        step = f"{arm.name} alone" if part == "alone" else f"{arm.name} round {number}"
        for name, code in refused.items():
            self.asking.roll.failed(name, step, code)
            self.asking.federation.say(f"{step}: the update of {name} is left out: {code}")


def _client(trained: Trained, refusal: str) -> ClientRound:
    answer, cost = trained.answer, trained.exchange
    if isinstance(answer, Failure):
        return ClientRound(None, None, None, cost.bytes_down, cost.bytes_up, answer.code)
    reported = (answer.examples, answer.train_loss, answer.seconds)
    return ClientRound(*reported, cost.bytes_down, cost.bytes_up, refusal)


def _arrays(state: Mapping[str, Tensor]) -> Arrays:
    return {name: tensor.numpy() for name, tensor in state.items()}


def _updates(trained: Mapping[str, Trained]) -> dict[str, Update]:
    replies = {name: one.answer for name, one in trained.items() if isinstance(one.answer, TrainReply)}
    return {name: Update(dict(reply.adapter), reply.examples, reply.steps) for name, reply in replies.items()}


def _save(state: Mapping[str, Tensor], file: Path) -> None:
    with replacing(file) as scratch:
        save_file({name: t.contiguous() for name, t in state.items()}, str(scratch))

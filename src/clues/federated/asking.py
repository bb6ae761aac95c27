"""Clients asked, and their answers taken: held against what they said before, and on disk before the next one comes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from clues.federated.federation import Federation
from clues.federated.kept_replies import KeptReplies
from clues.federated.line import Exchange
from clues.federated.records import task_id
from clues.federated.replies import ClientReply, Failure, ScoreReply, SelectReply, TrainReply
from clues.federated.roll import Roll
from clues.federated.tasks import Task, Train

R = TypeVar("R", bound=ClientReply)
Told = Callable[[str, ClientReply | Failure], None]
"""Called with each client's name and answer as it comes."""


@dataclass(frozen=True)
class Trained:
    """A client's answer to a training, and what it cost."""

    answer: TrainReply | Failure
    exchange: Exchange


@dataclass(frozen=True)
class Asking:
    """Asks the clients of a run."""

    federation: Federation
    roll: Roll
    kept: KeptReplies

    def passes(self, step: str, task: Task[R], clients: Collection[str], told: Told) -> dict[str, R | Failure]:
        """Have clients do a pass over their rows, and write down who has done it."""

        def done(name: str, answer: R) -> None:
            if isinstance(answer, (ScoreReply, SelectReply)):
                self.roll.finished(name, step, answer)

        return self._ask(step, dict.fromkeys(clients, task), told, done)

    def training(self, step: str, task: Train, needs: str, told: Told) -> dict[str, Trained]:
        """Have all clients train. `needs`: a pass that they must have finished, or nothing; who has not is `behind`.

        Answers that came before this process was started are taken from disk.
        """
        id, nodes = task_id(task, self.federation.job), self.federation.nodes
        found: dict[str, Trained] = {}
        ask: list[str] = []
        for name in nodes:
            if kept := self.kept.read(name, id):
                found[name] = Trained(*kept)
                told(name, kept[0])
            elif needs and self.roll.lacks(name, needs):
                found[name] = Trained(Failure("behind"), Exchange())
                self.roll.failed(name, step, "behind")
                told(name, Failure("behind"))
            else:
                ask.append(name)

        def done(name: str, answer: TrainReply) -> None:
            self.kept.keep(name, id, answer, self.federation.exchanges[name])

        answers = self._ask(step, dict.fromkeys(ask, task), told, done)
        found |= {name: Trained(answer, self.federation.exchanges[name]) for name, answer in answers.items()}
        return {name: found[name] for name in nodes}

    def _ask(
        self, step: str, tasks: Mapping[str, Task[R]], told: Told, done: Callable[[str, R], None]
    ) -> dict[str, R | Failure]:
        answers: dict[str, R | Failure] = {}

        def take(name: str, raw: R | Failure) -> None:
            answer = answers[name] = self.roll.believed(name, tasks[name], raw)
            if isinstance(answer, Failure):
                self.roll.failed(name, step, answer.code, answer.why)
            else:
                done(name, answer)
                self.roll.measured(name, tasks[name], self.federation.exchanges[name])
            told(name, answer)

        if tasks:
            self.federation.ask(tasks, take, {name: self.roll.seconds(name, task) for name, task in tasks.items()})
        return answers

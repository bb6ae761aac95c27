"""The phases of a run, as the server leads them. Each leaves its result on disk; a resumed run starts none again.

Warm-up on everything, scoring under its checkpoints, the bar, training on what was kept, merging, evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import clues
from clues.collaboration.aggregate import Averaging
from clues.collaboration.fit import Limits
from clues.config import Job
from clues.config.rules import least_clients
from clues.federated.adapters import Adapters
from clues.federated.arms import Arms
from clues.federated.asking import Asking
from clues.federated.evaluate import evaluate_run
from clues.federated.federation import Federation
from clues.federated.kept_replies import KeptReplies
from clues.federated.merging import Merging
from clues.federated.plan import Plan
from clues.federated.public import PublicSide
from clues.federated.roll import Roll
from clues.federated.selecting import Selecting
from clues.federated.steps import Steps
from clues.federated.tasks import Hello
from clues.folders.arm import MIXED, Arm, Combined
from clues.folders.run import RunFolder
from clues.folders.training import ArmLog
from clues.models.base import fingerprint
from clues.progress import Progress


def counted(name: str, arm: ArmLog) -> str:
    """How much was trained in an arm, for who reads no more than that it was completed."""
    updates = [client for one in arm.rounds for client in one.clients.values() if not client.error]
    alone = sum(not client.error for one in arm.alone for client in one.clients.values())
    rows = sum(client.rows or 0 for client in updates)
    return (
        f"{name}: {len(arm.rounds)} rounds, {len(updates)} updates of {rows} rows in all"
        + f"; {alone} clients alone" * bool(arm.alone)
    )


@dataclass(frozen=True)
class Coordinator:
    """Leads one run over a federation."""

    federation: Federation
    job: Job
    folder: RunFolder
    progress: Progress
    labelled: bool
    """This machine holds every client's folder and the damage is known, as in the demo: the selection itself can be
    measured, and an Oracle trained."""

    def run(self) -> None:
        """All phases. Raises FederationError when not a single client answers a task."""
        self.greet()
        test = self.side.test_set()  # now, so that a test set that cannot be used does not end a run in its last phase
        selecting = self.selecting
        selecting.score_base()
        self.warm_up(selecting)
        selecting.select()
        for arm in self.plan.retrained:
            self.train(arm)
        for arm in self.plan.alone:
            self.merge(arm)
        metrics = evaluate_run(self.plan, self.side, self.adapters, test, self.progress)
        metrics = replace(metrics, seconds=self.progress.all_seconds())
        self.folder.metrics.write(metrics)
        for name, arm in self.folder.training.read().arms.items():
            self.progress.note("trained", counted(name, arm))

    def greet(self) -> None:
        """Wait for the clients; those of another version or another base model are left out."""
        federation = self.federation
        federation.job = self.job.hash
        federation.greeting = Hello(clues.__version__, fingerprint(self.side.lm))
        federation.say = lambda text: self.progress.note("federation", text)
        with self.progress.phase("join", federation.expected) as advance:
            federation.hello(
                lambda present, _expected: advance(note=f"{present} clients are here"), least=least_clients(self.job)
            )

        for client in self.job.clients:
            if client.name not in federation.nodes:
                self.asking.roll.failed(client.name, "join", "unreachable", federation.refused.get(client.name, ""))

    @cached_property
    def plan(self) -> Plan:
        return Plan(self.job.collaboration, self.labelled)

    @cached_property
    def side(self) -> PublicSide:
        return PublicSide.open(self.job, self.folder)

    @cached_property
    def adapters(self) -> Adapters:
        return Adapters(self.side.lm, self.folder, self.plan.usual)

    @cached_property
    def arms(self) -> Arms:
        return Arms(self.asking, self.folder, self.job.training, self.averaging, self.selecting.catch_up)

    @cached_property
    def asking(self) -> Asking:
        return Asking(self.federation, Roll(self.folder, self.job.training.batch_size), KeptReplies(self.folder))

    @cached_property
    def selecting(self) -> Selecting:
        return Selecting(self.asking, self.side, Steps(self.folder), self.progress, least_clients(self.job))

    @property
    def averaging(self) -> Averaging:
        """How a round's updates become one adapter."""
        settings = self.job.collaboration
        return Averaging(
            "uniform" if settings.weights == "uniform" else "samples",
            settings.most_weight,
            settings.robust,
            least_clients(self.job),
            Limits(self.job.training.learning_rate, self.side.loss),
        )

    def warm_up(self, selecting: Selecting) -> None:
        """The mixed arm, with a scoring pass after every checkpoint round."""
        scoring = self.job.scoring
        checkpoints = scoring.checkpoints if scoring.channels == "full" else ()
        with self.progress.phase("warm-up", self._replies) as advance:
            state = self.side.start
            for number, state in self.arms.rounds(MIXED, self.side.start, advance):
                if number in checkpoints:
                    selecting.score_under(number, state)
        self.adapters.save(state, Combined(MIXED))

    def train(self, arm: Arm) -> None:
        """An arm's federated rounds, on the rows that it is about."""
        with self.progress.phase(f"train-{arm.name}", self._replies) as advance:
            state = self.arms.federated(arm, self.side.start, advance)
        self.adapters.save(state, Combined(arm))

    def merge(self, arm: Arm) -> None:
        """Every client alone on the arm's rows, and what they come to together."""
        with self.progress.phase(f"alone-{arm.name}", len(self.federation.nodes)) as advance:
            updates = self.arms.alone(arm, self.side.start, advance)
        with self.progress.phase(f"merge-{arm.name}", len(self.plan.merges(arm))) as advance:
            Merging(self.plan, self.side, self.adapters, arm, updates).run(advance)

    @property
    def _replies(self) -> int:
        return self.job.training.rounds * len(self.federation.nodes)

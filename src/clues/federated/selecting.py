"""Everybody's rows scored and put to the bar: the steps of a run that end in a selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from clues.errors import FederationError
from clues.federated.federation import Federation
from clues.federated.public import PublicSide
from clues.federated.replies import ClientReply, Failure, SelectReply
from clues.federated.steps import Steps
from clues.federated.tasks import Score, ScoreBase, Select, Task
from clues.folders.bar import StoredBar
from clues.folders.selection import ClientCounts, SelectionSummary, Unseen
from clues.progress import Advance, Progress
from clues.scoring.criteria import stated
from clues.selection.bar import Bar, bar_of
from clues.selection.select import select

R = TypeVar("R", bound=ClientReply)


@dataclass(frozen=True)
class Selecting:
    """Has the clients score their rows and decide on them, and scores the public rows."""

    federation: Federation
    side: PublicSide
    steps: Steps
    progress: Progress

    def score_base(self) -> None:
        """Forward channels of everybody's rows under the base model."""
        if self.steps.done("base"):
            return
        with self.progress.phase("score-base", len(self.federation.nodes) + len(self.side.scored)) as advance:
            task = ScoreBase(self.side.validation.answers)
            self._ask(task, advance, "scored its rows under the base model")
            for public in self.side.scored:
                public.score_base()
                advance(note="public rows scored under the base model")
        self.steps.mark("base")

    def score_under(self, number: int, state: dict[str, Tensor]) -> None:
        """Gradient channels of everybody's rows under the adapter of warm-up round `number`."""
        if self.steps.done(f"checkpoint-{number}"):
            return
        parts = len(self.federation.nodes) + 1 + len(self.side.scored)
        with self.progress.phase(f"score-{number}", parts) as advance:
            checkpoint = self.side.checkpoint(number, state)
            advance(note="directions from the public validation rows")
            arrays = {name: t.float().cpu().numpy() for name, t in checkpoint.to_tensors().items()}
            self._ask(Score(number, arrays), advance, f"scored its rows at checkpoint {number}")
            for public in self.side.scored:
                public.score_under(number, checkpoint)
                advance(note="public rows scored")
        self.steps.mark(f"checkpoint-{number}")

    def select(self) -> None:
        """The bar goes down to the clients; counts come back."""
        if self.steps.done("selection"):
            return
        side, settings = self.side, self.side.job.selection
        bar = bar_of(side.anchors, side.validation_rows)
        with self.progress.phase("select", 1 + len(self.federation.nodes)) as advance:
            arrays = {name: values.astype("float32") for name, values in bar.to_arrays().items()}
            task = Select(settings, arrays, stated(bar.criteria), bar.left_out, side.texts(), side.shading())
            advance(note="words of public rows weighed")
            replies = self._ask(task, advance, "put its rows to the bar")
        folder, clients = side.folder, {name: _counts(reply) for name, reply in replies.items()}
        folder.anchors.write(StoredBar.of(bar, settings))
        folder.selection.write(SelectionSummary(settings, bar.size, clients, self._unseen(bar)))
        self.steps.mark("selection")

    def _unseen(self, bar: Bar) -> Unseen | None:
        unseen = self.side.unseen
        if unseen is None:
            return None
        found = select(unseen.channels(), bar, self.side.job.selection)
        source = str(unseen.prepared.rows[0].record.get("source", ""))
        return Unseen(source, len(found.keep), int(found.keep.sum()))

    def _ask(self, task: Task[R], advance: Advance, note: str) -> dict[str, R]:
        """Ask every client; those that fail are reported and left out. Raises FederationError if all fail."""

        def told(name: str, answer: R | Failure) -> None:
            advance(note=f"{name} failed: {answer.meaning}" if isinstance(answer, Failure) else f"{name} {note}")

        answers = self.federation.ask(dict.fromkeys(self.federation.nodes, task), told)
        failures = {name: answer for name, answer in answers.items() if isinstance(answer, Failure)}
        if len(failures) == len(answers):
            told_by = "; ".join(f"{name}: {failure.meaning}" for name, failure in failures.items())
            raise FederationError(f"no client could {task.name}: {told_by}")
        return {name: answer for name, answer in answers.items() if not isinstance(answer, Failure)}


def _counts(reply: SelectReply) -> ClientCounts:
    counts = (reply.set_aside, reply.duplicates, reply.truncated, reply.overlap)
    return ClientCounts(reply.rows, reply.kept, reply.dropped, reply.reasons, *counts)

"""Everybody's rows scored and put to the bar: the steps of a run that end in a selection."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from clues.errors import FederationError
from clues.federated.asking import Asking
from clues.federated.public import PublicSide
from clues.federated.replies import ClientReply, Failure
from clues.federated.steps import Steps
from clues.federated.tasks import Score, ScoreBase, Select, Task
from clues.folders.bar import StoredBar
from clues.folders.selection import SelectionSummary, Unseen
from clues.progress import Advance, Progress
from clues.scoring.criteria import stated
from clues.selection.bar import Bar, bar_of
from clues.selection.select import select

CATCH_UPS = 3
"""Times that one client may fail at a pass it has missed, by one server: each keeps the others waiting."""


@dataclass(frozen=True)
class Selecting:
    """Has the clients score their rows and decide on them, and scores the public rows."""

    asking: Asking
    side: PublicSide
    steps: Steps
    progress: Progress
    least: int = 1
    """Fewest clients that a step goes on with."""
    _asked_again: dict[tuple[str, str], int] = field(default_factory=dict)

    def score_base(self) -> None:
        """Forward channels of everybody's rows under the base model."""
        if self.steps.done("base"):
            return
        with self.progress.phase("score-base", len(self._nodes) + len(self.side.scored)) as advance:
            self._ask("base", advance)
            for public in self.side.scored:
                public.score_base()
                advance(note="public rows scored under the base model")
        self.steps.mark("base")

    def score_under(self, number: int, state: dict[str, Tensor]) -> None:
        """Gradient channels of everybody's rows under the adapter of warm-up round `number`."""
        step = f"checkpoint-{number}"
        if self.steps.done(step):
            return
        self.catch_up()
        with self.progress.phase(f"score-{number}", len(self._nodes) + 1 + len(self.side.scored)) as advance:
            checkpoint = self.side.checkpoint(number, state)
            advance(note="directions from the public validation rows")
            self._ask(step, advance)
            for public in self.side.scored:
                public.score_under(number, checkpoint)
                advance(note="public rows scored")
        self.steps.mark(step)

    def select(self) -> None:
        """The bar goes down to the clients; counts come back."""
        if self.steps.done("selection"):
            return
        self.catch_up()
        with self.progress.phase("select", 1 + len(self._nodes)) as advance:
            advance(note="words of public rows weighed")
            self._ask("selection", advance)
        self.side.folder.anchors.write(StoredBar.of(self._bar, self.side.job.selection))
        self._write_counts()
        self.steps.mark("selection")

    def catch_up(self) -> None:
        """Clients that have come take part from now on, and those that missed passes over their rows do them now."""
        self.asking.federation.wait_for_away()
        for name in self.asking.federation.look():
            self.progress.note("federation", f"{name} is here, and takes part from now on")
        before = self._counted
        for step in self._done:
            behind = [name for name in self._able(step) if self.asking.roll.lacks(name, step) and self._may(name, step)]
            if behind:
                with self.progress.phase("catch-up", len(behind)) as advance:
                    for name, failure in self._pass(step, behind, advance).items():
                        if failure.code != "unreachable":
                            self._asked_again[name, step] = self._asked_again.get((name, step), 0) + 1
        if self.steps.done("selection") and self._counted != before:
            self._write_counts()

    @property
    def _nodes(self) -> list[str]:
        return list(self.asking.federation.nodes)

    @property
    def _done(self) -> list[str]:
        """Finished steps, in their order."""
        checkpoints = [f"checkpoint-{number}" for number in self.side.job.scoring.checkpoints]
        return [step for step in ("base", *checkpoints, "selection") if self.steps.done(step)]

    @property
    def _counted(self) -> set[str]:
        return {name for name, member in self.asking.roll.read().clients.items() if member.selected}

    def _able(self, step: str) -> list[str]:
        """Clients that have finished every step before this one."""
        before = [one for one in self._done if one != step]
        before = self._done[: self._done.index(step)] if step in self._done else before
        return [name for name in self._nodes if not any(self.asking.roll.lacks(name, one) for one in before)]

    def _may(self, name: str, step: str) -> bool:
        tried = self._asked_again.get((name, step), 0)
        return tried < CATCH_UPS and name in self.asking.federation.online

    def _ask(self, step: str, advance: Advance) -> None:
        """Ask every client that has not done this pass and can. Raises FederationError if too few have done it then."""
        able = self._able(step)
        failures = self._pass(step, [name for name in able if self.asking.roll.lacks(name, step)], advance)
        for name in self._nodes:
            if name not in able:
                failures[name] = Failure("behind")
                advance(note=f"{name}: {failures[name].meaning}")
        done = [name for name in self._nodes if not self.asking.roll.lacks(name, step)]
        if len(done) < self.least:
            told_by = "; ".join(f"{name}: {failure.meaning}" for name, failure in failures.items())
            raise FederationError(
                f"{len(done)} clients could do {step}, and {self.least} are the fewest: {told_by}; resume the run when "
                "they can"
            )

    def _pass(self, step: str, clients: list[str], advance: Advance) -> dict[str, Failure]:
        """Have these clients do one pass; the failures."""

        def told(name: str, answer: ClientReply | Failure) -> None:
            advance(note=f"{name} failed: {answer.meaning}" if isinstance(answer, Failure) else f"{name} {note}")

        note = {"base": "scored its rows under the base model", "selection": "put its rows to the bar"}.get(
            step, f"scored its rows at {step.replace('-', ' ')}"
        )
        answers = self.asking.passes(step, self._task(step), clients, told) if clients else {}
        return {name: answer for name, answer in answers.items() if isinstance(answer, Failure)}

    def _task(self, step: str) -> Task:
        """What a client is asked in a step, from what is on disk: the same whenever it is asked."""
        if step == "base":
            return ScoreBase(self.side.validation.answers)
        if step == "selection":
            side, bar = self.side, self._bar
            arrays = {name: values.astype("float32") for name, values in bar.to_arrays().items()}
            told = (stated(bar.criteria), bar.left_out, side.texts(), side.shading())
            return Select(side.job.selection, arrays, *told)
        number = int(step.removeprefix("checkpoint-"))
        checkpoint = self.side.checkpoint(number, {})
        return Score(number, {name: t.float().cpu().numpy() for name, t in checkpoint.to_tensors().items()})

    @cached_property
    def _bar(self) -> Bar:
        """Made when all public rows are scored, and the same from then on."""
        return bar_of(self.side.anchors, self.side.validation_rows)

    def _write_counts(self) -> None:
        """selection.json, of all that have put their rows to the bar."""
        bar, settings = self._bar, self.side.job.selection
        members = self.asking.roll.read().clients
        counts = {name: m.selected for name, m in sorted(members.items()) if m.selected is not None}
        self.side.folder.selection.write(SelectionSummary(settings, bar.size, counts, self._unseen(bar)))

    def _unseen(self, bar: Bar) -> Unseen | None:
        unseen = self.side.unseen
        if unseen is None:
            return None
        found = select(unseen.channels(), bar, self.side.job.selection)
        source = str(unseen.prepared.rows[0].record.get("source", ""))
        return Unseen(source, len(found.keep), int(found.keep.sum()))

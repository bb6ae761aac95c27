"""The phases of a run, as the server leads them. Each leaves its result on disk; a resumed run starts none again.

Warm-up on everything, scoring under its checkpoints, the bar, training on what was kept, evaluation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from clues.collaboration.aggregate import Update
from clues.config import Job
from clues.disk.writing import write_json
from clues.errors import FederationError
from clues.evaluation.models import TestSet
from clues.federated.arms import Arms, State
from clues.federated.evaluate import evaluate_arms
from clues.federated.federation import Federation
from clues.federated.public import PublicSide
from clues.federated.wire import CRITERION, ERROR_CODES, Result, Task
from clues.models.adapters import load_adapter_state, save_adapter
from clues.owner.decide import anchors_file
from clues.progress import Progress
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.criteria import criteria_named, stated
from clues.selection.bar import bar_of
from clues.selection.select import select


@dataclass(frozen=True)
class Coordinator:
    """Leads one run over a federation."""

    federation: Federation
    job: Job
    folder: Path
    progress: Progress
    labelled: bool
    """This machine holds every client's folder and the damage is known, as in the demo: the selection itself can be
    measured, and an Oracle trained."""

    def run(self) -> None:
        """All phases. Raises FederationError when not a single client answers a task."""
        with self.progress.phase("join", self.federation.expected) as advance:
            self.federation.hello(lambda present, _expected: advance(note=f"{present} clients are here"))
        side = PublicSide.open(self.job, self.folder)
        test = side.test_set()  # now, so that a test set that cannot be used does not end a run in its last phase
        arms = Arms(self.federation, self.folder, self.job.training, self.job.collaboration.weights)
        self.score_base(side)
        states = {"mixed": self.warm_up(side, arms)}
        self.select(side)
        for arm in self._retrained():
            with self.progress.phase(f"train-{arm}", self._replies()) as advance:
                states[arm] = arms.federated(arm, side.start, advance)
        alone = {}
        mixed = ["mixed"] if "mixed" in self.job.collaboration.arms else []
        for arm in mixed + self._retrained():
            with self.progress.phase(f"alone-{arm}", len(self.federation.nodes)) as advance:
                alone[arm] = arms.alone(arm, side.start, advance)
        self._keep_adapters(side, states)
        self._evaluate(side, test, states, alone)

    def score_base(self, side: PublicSide) -> None:
        """Forward channels of everybody's rows under the base model."""
        if not self._done("base"):
            with self.progress.phase("score-base", len(self.federation.nodes) + len(side.scored)) as advance:
                task = Task("score", {"checkpoint": 0, "questions": json.dumps(side.validation.questions)})
                self._ask(task, advance, "scored its rows under the base model")
                for public in side.scored:
                    public.score_base()
                    advance(note="public rows scored under the base model")
            self._mark("base")

    def warm_up(self, side: PublicSide, arms: Arms) -> State:
        """The mixed arm, with a scoring pass after every checkpoint round."""
        checkpoints = self.job.scoring.checkpoints if self.job.scoring.channels == "full" else ()

        def after_round(number: int, state: State) -> None:
            if number in checkpoints and not self._done(f"checkpoint-{number}"):
                self._score_under(side, number, state)
                self._mark(f"checkpoint-{number}")

        with self.progress.phase("warm-up", self._replies()) as advance:
            return arms.federated("mixed", side.start, advance, after_round)

    def _score_under(self, side: PublicSide, number: int, state: State) -> None:
        name = f"score-{number}"
        with self.progress.phase(name, len(self.federation.nodes) + 1 + len(side.scored)) as advance:
            checkpoint = side.checkpoint(number, state)
            advance(note="directions from the public validation rows")
            self._ask(_score_task(number, checkpoint), advance, f"scored its rows at checkpoint {number}")
            for public in side.scored:
                public.score_under(number, checkpoint)
                advance(note="public rows scored")

    def select(self, side: PublicSide) -> None:
        """The bar goes down to the clients; counts come back."""
        if self._done("selection"):
            return
        scoring = self.job.scoring
        bar = bar_of(side.anchors, side.validation_rows, criteria_named(scoring.criteria, scoring.channels))
        arrays = {name: values.astype("float32") for name, values in bar.to_arrays().items()}
        with self.progress.phase("select", 1 + len(self.federation.nodes)) as advance:
            about_public = {"public": side.texts(), "shading": json.dumps(side.shading())}
            advance(note="words of public rows weighed")
            criteria = {CRITERION + name: columns for name, columns in stated(bar.criteria).items()}
            task = Task("select", {**asdict(self.job.selection), **about_public, **criteria}, arrays)
            results = self._ask(task, advance, "put its rows to the bar")
        write_json(anchors_file(bar, self.job.selection), self.folder / "anchors.json")
        counts = {name: _counts(result.numbers) for name, result in results.items()}
        content = {**asdict(self.job.selection), "anchors": bar.size, "clients": counts}
        if side.unseen:
            found = select(side.unseen.channels(), bar, self.job.selection)
            source = side.unseen.prepared.rows[0].record.get("source", "")
            content["unseen"] = {"source": source, "rows": len(found.keep), "kept": int(found.keep.sum())}
        write_json(content, self.folder / "selection.json")
        self._mark("selection")

    def _evaluate(
        self, side: PublicSide, test: TestSet, states: Mapping[str, State], alone: Mapping[str, Mapping[str, Update]]
    ) -> None:
        metrics = evaluate_arms(side, test, states, alone, self.progress, self.labelled)
        write_json(metrics | {"seconds": self.progress.all_seconds()}, self.folder / "metrics.json")

    def _keep_adapters(self, side: PublicSide, states: Mapping[str, State]) -> None:
        for arm, state in states.items():
            load_adapter_state(side.lm.model, state)
            save_adapter(side.lm.model, self.folder / "adapters" / f"{arm}-federated")

    def _retrained(self) -> list[str]:
        arms = [arm for arm in self.job.collaboration.arms if arm != "mixed" and (self.labelled or arm != "oracle")]
        equal = [f"{arm}-epoch" for arm in arms] if self.job.collaboration.equal_epochs else []
        return arms + equal

    def _replies(self) -> int:
        return self.job.training.rounds * len(self.federation.nodes)

    def _ask(self, task: Task, advance: Any, note: str) -> dict[str, Result]:
        """Ask every client; those that fail are reported and left out. Raises FederationError if all fail."""

        def told(name: str, result: Result) -> None:
            advance(note=f"{name} failed: {ERROR_CODES[result.error]}" if result.error else f"{name} {note}")

        results = self.federation.ask(dict.fromkeys(self.federation.nodes, task), told)
        good = {name: result for name, result in results.items() if not result.error}
        if not good:
            failures = "; ".join(f"{name}: {ERROR_CODES[r.error]}" for name, r in results.items())
            raise FederationError(f"no client could {task.name}: {failures}")
        return good

    def _done(self, step: str) -> bool:
        return (self.folder / "steps" / step).exists()

    def _mark(self, step: str) -> None:
        (self.folder / "steps").mkdir(exist_ok=True)
        (self.folder / "steps" / step).touch()


def _score_task(number: int, checkpoint: Checkpoint) -> Task:
    arrays = {name: _numpy(t) for name, t in checkpoint.to_tensors().items()}
    return Task("score", {"checkpoint": number}, arrays)


def _numpy(tensor: Tensor) -> Any:
    return tensor.float().cpu().numpy()


def _counts(numbers: Mapping[str, float]) -> dict[str, Any]:
    reasons = {k.removeprefix("reason_"): int(n) for k, n in numbers.items() if k.startswith("reason_")}
    return {k: int(n) for k, n in numbers.items() if not k.startswith("reason_") and k != "seconds"} | {
        "reasons": reasons
    }

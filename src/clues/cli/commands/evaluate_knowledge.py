"""`clues evaluate --knowledge`: what a base model and adapters know, asked by lm-eval's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from clues.cli.output import Output, table
from clues.cli.text.compared import Compared, compared_text, measured
from clues.cli.text.words import count, percent
from clues.errors import UsageError
from clues.evaluation.answers.answer import BASE
from clues.plugins import require

if TYPE_CHECKING:
    from clues.config import Job
    from clues.evaluation.knowledge.exam import Tasks
    from clues.models.base import LanguageModel
    from clues.progress import Progress
    from clues.statistics.accuracy import Accuracies, AccuracyComparison


@Parameter(name="*", group="Knowledge, in place of TEST")
@dataclass(frozen=True)
class Asked:
    """What to ask, and how."""

    knowledge: Annotated[str | None, Parameter(show_default=False)] = None
    """medical, finance, or lm-eval's names of their tasks, separated by commas."""
    questions: str = "packaged"
    """Where the questions come from: packaged (MMLU, 34 of every medical topic and 15 of every one of finance), a
    folder of question files, or hub."""
    limit: Annotated[int | None, Parameter(show_default=False)] = None
    """At most so many questions of every task: the first."""
    shots: int = 0
    """Examples with their answers before every question; published MMLU numbers often have 5."""

    def is_given(self, *others: object) -> bool:
        """Whether to ask. Raises UsageError for numbers out of range, and where `others`, for rows, are given too."""
        if self.knowledge is None and self != NOTHING:
            raise UsageError("--questions, --limit and --shots go with --knowledge medical or finance")
        if (self.limit is not None and self.limit < 1) or self.shots < 0:
            raise UsageError(
                f"--limit {self.limit} --shots {self.shots}: ask 1 question or more, after 0 shots or more"
            )
        if self.knowledge is not None and any(other is not None for other in others):
            raise UsageError("--knowledge asks questions of its own: leave out TEST, --answers and --columns")
        return self.knowledge is not None


NOTHING = Asked()


@dataclass(frozen=True)
class Known:
    """How many questions each model answers rightly."""

    knowledge: str
    questions: str
    shots: int
    n: int
    """Questions of all tasks."""
    answers: Mapping[str, int]
    """Task -> answers that its questions have."""
    not_asked: Sequence[str]
    """Tasks without a question here."""
    models: Mapping[str, Accuracies]
    comparisons: Sequence[AccuracyComparison]
    """Every adapter with the base."""


def evaluate_knowledge(asked: Asked, job: Job, adapters: Sequence[Path], output: Output) -> int:
    """Ask the base and every adapter the same questions, and print how many each answers rightly."""
    from clues.evaluation.knowledge.exam import answers, questions
    from clues.evaluation.knowledge.questions import task_names
    from clues.statistics.accuracy import accuracies, accuracy_comparison

    names = task_names(asked.knowledge or "")
    require("knowledge")
    from clues.evaluation.knowledge.tasks import load_tasks
    from clues.models.base import load_base

    tasks = load_tasks(names, asked.questions, asked.shots)
    lm = load_base(job.model)
    with output.progress() as progress:
        right = _asked(lm, adapters, tasks, asked.limit, progress)
    resampling = (job.evaluation.bootstrap, job.seed)
    found = Known(
        knowledge=asked.knowledge or "",
        questions=asked.questions,
        shots=asked.shots,
        n=sum(questions(tasks, asked.limit).values()),
        answers=answers(tasks),
        not_asked=[name for name in names if name not in tasks],
        models={name: accuracies(own, *resampling) for name, own in right.items()},
        comparisons=[
            accuracy_comparison((name, BASE), (own, right[BASE]), *resampling)
            for name, own in right.items()
            if name != BASE
        ],
    )
    facts = asdict(found) | {"comparisons": [Compared("mean_accuracy", c).facts for c in found.comparisons]}
    return output.answer(known_text(found), {"command": "evaluate", **facts})


def _asked(
    lm: LanguageModel, adapters: Sequence[Path], tasks: Tasks, limit: int | None, progress: Progress
) -> dict[str, dict[str, list[bool]]]:
    """The base, then every adapter on it, by the adapter's path."""
    from clues.evaluation.knowledge.exam import answers, ask, questions
    from clues.models.adapters import load_adapter

    each = answers(tasks)
    total = sum(n * each[name] for name, n in questions(tasks, limit).items())
    with progress.phase("knowledge", total * (1 + len(adapters))) as advance:
        right = {BASE: ask(lm, tasks, limit, lambda n: advance(n, BASE))}
        for folder in adapters:
            adapted, name = load_adapter(lm, folder), str(folder)
            right[name] = ask(adapted, tasks, limit, lambda n, name=name: advance(n, name))
            adapted.model.unload()  # type: ignore[operator]
    return right


def known_text(known: Known) -> str:
    """The same for a person."""
    rows = [["model", "task", "n", "right", "95 % interval", "guessing"]]
    for name, found in known.models.items():
        guessed = {task: 1 / known.answers[task] for task in found.tasks}
        for task, own in found.tasks.items():
            share = measured(own.accuracy, own.accuracy_low, own.accuracy_high, _percent)
            rows.append([name, task, f"{own.n:,}", *share, _percent(guessed[task])])
        if len(found.tasks) > 1:
            mean = measured(found.mean_accuracy, found.mean_accuracy_low, found.mean_accuracy_high, _percent)
            guess = _percent(sum(guessed.values()) / len(guessed))
            rows.append([name, "mean of tasks", f"{known.n:,}", *mean, guess])
    said = [f"{count(known.n, 'question')} from {known.questions}, {count(known.shots, 'shot')}"]
    if known.not_asked:
        said.append(f"Not asked, for there are no questions of it here: {', '.join(known.not_asked)}.")
    compared = compared_text([Compared("mean_accuracy", c) for c in known.comparisons])
    return "\n".join([*said, table(rows), *compared, *map(_alone, known.comparisons)])


def _percent(share: float) -> str:
    return percent(share, 1)


def _alone(c: AccuracyComparison) -> str:
    shown = count(c.only_a, "question")
    return f"{c.a}: {shown} right that {c.b} has wrong, {c.only_b:,} the other way"

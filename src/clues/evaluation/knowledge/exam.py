"""What a model knows: the share of multiple-choice questions it answers rightly, by lm-eval's tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from clues.models.base import LanguageModel

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import ConfigurableTask

Tasks = Mapping[str, "ConfigurableTask"]
Sample = Mapping[str, Any]
"""What lm-eval logs about a question."""


def questions(tasks: Tasks, limit: int | None) -> dict[str, int]:
    """How many questions each task asks: all, or the first `limit` of them."""
    return {name: min(len(task.eval_docs), limit or len(task.eval_docs)) for name, task in tasks.items()}


def answers(tasks: Tasks) -> dict[str, int]:
    """How many answers the questions of each task have; whoever guesses is right once in so many times."""
    return {name: len(task.doc_to_choice(task.eval_docs[0])) for name, task in tasks.items()}


def ask(
    lm: LanguageModel, tasks: Tasks, limit: int | None, advance: Callable[[int], None] = lambda _answers: None
) -> dict[str, list[bool]]:
    """Whether the model answers each question rightly, by task: its most likely answer is the right one (`acc`).

    `advance` is called with numbers of answers, which add up to questions times answers.
    """
    from clues.evaluation.knowledge.model import LoadedModel

    samples = logged(LoadedModel(lm, advance), tasks, limit)
    return {name: [bool(sample["acc"]) for sample in own] for name, own in samples.items()}


def logged(model: LM, tasks: Tasks, limit: int | None = None) -> dict[str, list[Sample]]:
    """What lm-eval logs about every question, in the questions' order; every model sees the same examples."""
    from lm_eval.defaults import DEFAULT_OTHER_SEED
    from lm_eval.evaluator import evaluate

    for task in tasks.values():
        task.set_fewshot_seed(seed=DEFAULT_OTHER_SEED)
    found: Any = evaluate(model, {"tasks": dict(tasks)}, limit=limit, bootstrap_iters=0)  # type: ignore[arg-type]
    return {name: sorted(found["samples"][name], key=lambda sample: sample["doc_id"]) for name in tasks}

"""Shares of right answers, per task and over tasks, with intervals over questions.

The mean over tasks gives every task the same weight, as the paper's KnowledgeAvg does; a resample draws the questions
of each task anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clues.statistics.bootstrap import interval, resampled_means
from clues.statistics.paired import Comparison, bootstrap_p, sign_flip_p
from clues.statistics.shares import share

Right = Mapping[str, Sequence[bool]]
"""Task -> whether each of its questions was answered rightly, in the order of the questions."""


@dataclass(frozen=True)
class Accuracy:
    """Share of the questions of a task that were answered rightly, with Clopper and Pearson's interval."""

    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    n: int


@dataclass(frozen=True)
class Accuracies:
    """Every task, and the mean over tasks; of one task the mean has its interval, of several a bootstrap's."""

    tasks: Mapping[str, Accuracy]
    mean_accuracy: float | None
    mean_accuracy_low: float | None
    """Ends of the interval; None where a task has one question alone."""
    mean_accuracy_high: float | None


@dataclass(frozen=True)
class AccuracyComparison(Comparison):
    """Two models on the same questions; each is a document of its own."""

    only_a: int
    """Questions that a alone answered rightly, all tasks together."""
    only_b: int


def accuracies(right: Right, resamples: int = 2000, seed: int = 0) -> Accuracies:
    """Accuracy of every task, and their mean."""
    tasks = {name: Accuracy(**share("accuracy", int(sum(own)), len(own)), n=len(own)) for name, own in right.items()}
    if len(tasks) == 1:
        (only,) = tasks.values()
        return Accuracies(tasks, only.accuracy, only.accuracy_low, only.accuracy_high)
    value, drawn = _mean(right, resamples, seed)
    return Accuracies(tasks, value, *((None, None) if drawn is None else interval(drawn)))


def accuracy_comparison(
    names: tuple[str, str], right: tuple[Right, Right], resamples: int, seed: int
) -> AccuracyComparison:
    """Mean accuracy of the first model minus that of the second, positive if better; paired by question.

    Both p are two-sided, of the hypothesis that there is no difference between the means over tasks. `p_sign_flip`
    flips questions that weigh what they weigh in that mean, 1 / (tasks x the task's questions); with tasks of equal
    size this is McNemar's exact test. None where a task's one question says nothing about the spread.

    Raises ValueError unless both answered the same questions.
    """
    first, second = right
    if {name: len(own) for name, own in first.items()} != {name: len(own) for name, own in second.items()}:
        raise ValueError(f"{names[0]} and {names[1]} answered other questions: compare on the same ones")
    difference = {name: np.asarray(own, float) - np.asarray(second[name], float) for name, own in first.items()}
    each = np.concatenate(list(difference.values()))
    value, drawn = _mean(difference, resamples, seed)
    numbers = (
        (None, None, None, None)
        if drawn is None
        else (*interval(drawn), bootstrap_p(drawn), _sign_flip_p(difference, seed))
    )
    counts = {"n": len(each), "documents": len(each), "only_a": int((each > 0).sum()), "only_b": int((each < 0).sum())}
    return AccuracyComparison(*names, "questions", value, *numbers, **counts)


def _sign_flip_p(difference: Mapping[str, NDArray[np.float64]], seed: int) -> float:
    """Weights are those of the mean over tasks but for a factor, so that with equal sizes they are 1 and ties exact."""
    largest = max(map(len, difference.values()))
    weighed = np.concatenate([own * (largest / len(own)) for own in difference.values()])
    return sign_flip_p(weighed, [str(i) for i in range(len(weighed))], seed)


def _mean(values: Mapping[str, ArrayLike], resamples: int, seed: int) -> tuple[float, NDArray[np.float64] | None]:
    """Mean of the tasks' means, and resampled ones; None where a task's one value says nothing about the spread."""
    tasks = [np.asarray(own, np.float64) for own in values.values()]
    value = float(np.mean([own.mean() for own in tasks]))
    if min(map(len, tasks)) < 2:
        return value, None
    return value, np.mean([_resampled(own, resamples, seed + place) for place, own in enumerate(tasks)], axis=0)


def _resampled(values: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Every question is a document of its own."""
    return resampled_means(values, [str(i) for i in range(len(values))], resamples, seed)

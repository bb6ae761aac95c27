"""Shares of right answers, per task and over tasks, with intervals over questions.

The mean over tasks gives every task the same weight, as the paper's KnowledgeAvg does; a resample draws the questions
of each task anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clues.statistics.bootstrap import interval, resampled_means
from clues.statistics.paired import bootstrap_p, sign_flip_p
from clues.statistics.shares import share

Right = Mapping[str, Sequence[bool]]
"""Task -> whether each of its questions was answered rightly, in the order of the questions."""


def accuracies(right: Right, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Accuracy of every task, with Clopper and Pearson's interval, and their mean, with a bootstrap's.

    The mean of one task has the task's own interval; where a task has one question alone, it has none.
    """
    tasks = {name: {**share("accuracy", int(sum(own)), len(own)), "n": len(own)} for name, own in right.items()}
    if len(tasks) == 1:
        (only,) = tasks.values()
        return {"tasks": tasks, **{f"mean_{name}": value for name, value in only.items() if name != "n"}}
    value, drawn = _mean(right, resamples, seed)
    low, high = (None, None) if drawn is None else interval(drawn)
    return {"tasks": tasks, "mean_accuracy": value, "mean_accuracy_low": low, "mean_accuracy_high": high}


def accuracy_comparison(
    names: tuple[str, str], right: tuple[Right, Right], resamples: int, seed: int
) -> dict[str, Any]:
    """Mean accuracy of the first model minus that of the second, positive if better; paired by question.

    Both p are two-sided, of the hypothesis that there is no difference between the means over tasks. `p_sign_flip`
    flips questions that weigh what they weigh in that mean, 1 / (tasks x the task's questions); with tasks of equal
    size this is McNemar's exact test. `only_a` and `only_b` count the questions that one of them alone answered
    rightly, all tasks together. None where a task's one question says nothing about the spread.

    Raises ValueError unless both answered the same questions.
    """
    first, second = right
    if {name: len(own) for name, own in first.items()} != {name: len(own) for name, own in second.items()}:
        raise ValueError(f"{names[0]} and {names[1]} answered other questions: compare on the same ones")
    difference = {name: np.asarray(own, float) - np.asarray(second[name], float) for name, own in first.items()}
    each = np.concatenate(list(difference.values()))
    value, drawn = _mean(difference, resamples, seed)
    numbers: dict[str, Any] = dict.fromkeys(("low", "high", "p_bootstrap", "p_sign_flip"))
    if drawn is not None:
        low, high = interval(drawn)
        chances = {"p_bootstrap": bootstrap_p(drawn), "p_sign_flip": _sign_flip_p(difference, seed)}
        numbers = {"low": low, "high": high, **chances}
    counts = {"n": len(each), "only_a": int((each > 0).sum()), "only_b": int((each < 0).sum())}
    return {"a": names[0], "b": names[1], "difference": value, **numbers, **counts}


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

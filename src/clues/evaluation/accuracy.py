"""Shares of right answers, per task and over tasks, with intervals over questions.

The mean over tasks gives every task the same weight, as the paper's KnowledgeAvg does; a resample draws the questions
of each task anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from clues.evaluation.bootstrap import interval, resampled_means
from clues.evaluation.shares import share

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
    value, low, high = _mean(right, resamples, seed)
    return {"tasks": tasks, "mean_accuracy": value, "mean_accuracy_low": low, "mean_accuracy_high": high}


def accuracy_comparison(
    names: tuple[str, str], right: tuple[Right, Right], resamples: int, seed: int
) -> dict[str, Any]:
    """Mean accuracy of the first model minus that of the second, positive if better; paired by question.

    `only_a` and `only_b` count the questions that one of them alone answered rightly. `p_sign_flip`, two-sided: that
    the two counts differ so by chance; McNemar's exact test, which is `paired.sign_flip_p` for answers right or wrong.
    Raises ValueError unless both answered the same questions.
    """
    first, second = right
    if {name: len(own) for name, own in first.items()} != {name: len(own) for name, own in second.items()}:
        raise ValueError(f"{names[0]} and {names[1]} answered other questions: compare on the same ones")
    difference = {name: np.asarray(own, float) - np.asarray(second[name], float) for name, own in first.items()}
    value, low, high = _mean(difference, resamples, seed)
    each = np.concatenate(list(difference.values()))
    only_a, only_b = int((each > 0).sum()), int((each < 0).sum())
    p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    numbers = {"difference": value, "low": low, "high": high, "p_sign_flip": None if low is None else p}
    return {"a": names[0], "b": names[1], **numbers, "n": len(each), "only_a": only_a, "only_b": only_b}


def _mean(values: Mapping[str, ArrayLike], resamples: int, seed: int) -> tuple[float, float | None, float | None]:
    """Mean of the tasks' means with a percentile interval; None where a task's one value says nothing about spread."""
    tasks = [np.asarray(own, np.float64) for own in values.values()]
    value = float(np.mean([own.mean() for own in tasks]))
    if min(map(len, tasks)) < 2:
        return value, None, None
    drawn = [_resampled(own, resamples, seed + place) for place, own in enumerate(tasks)]
    return value, *interval(np.mean(drawn, axis=0))


def _resampled(values: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Every question is a document of its own."""
    return resampled_means(values, [str(i) for i in range(len(values))], resamples, seed)

"""From judgements to means, differences and how far to trust them.

Higher is better. A judgement that could not be read, or never came, is counted apart and is no number anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from clues.evaluation.judge.agreement import agreement
from clues.evaluation.judge.judgements import Judgement, counts
from clues.evaluation.judge.prompts import How
from clues.statistics.bootstrap import Estimate, estimate
from clues.statistics.paired import comparison


def summary(judgements: Sequence[Judgement], against: str | None = None, resamples: int = 2000) -> dict[str, Any]:
    """`models`, `comparisons` (with the model `against`) and `pairs` of judge.json, with intervals over documents."""
    alone: dict[str, list[Judgement]] = {}
    beside: dict[tuple[str, str], list[Judgement]] = {}
    for one in judgements:
        if one.task.how == "reference":
            alone.setdefault(one.task.models[0], []).append(one)
        else:
            beside.setdefault((one.task.models[0], one.task.models[1]), []).append(one)
    return {
        "models": {name: _of_model(some, resamples) for name, some in alone.items()},
        "comparisons": [
            _compared((name, against), alone[name], alone[against], resamples)
            for name in alone
            if against in alone and name != against
        ],
        "pairs": [_of_pair(names, some, resamples) for names, some in beside.items()],
    }


def _of_model(some: Sequence[Judgement], resamples: int) -> dict[str, Any]:
    """The mean score against the reference; None where nothing could be read, for that is no zero."""
    read = {one.task.id: one.scores[0] for one in some if one.scores is not None}
    documents = _documents(some, read)
    found = estimate(list(read.values()), documents, resamples) if read else Estimate(math.nan, None, None, 0, 0)
    mean = {"mean": found.value if read else None, "low": found.low, "high": found.high}
    return {**mean, "n": found.n, "documents": found.documents, **counts(some)}


def _compared(names: tuple[str, str], a: Sequence[Judgement], b: Sequence[Judgement], resamples: int) -> dict[str, Any]:
    """The difference of two models' scores against the reference, by rows on which both were judged."""
    first, second = ({one.task.id: one.scores[0] for one in some if one.scores is not None} for some in (a, b))
    rows = [row for row in first if row in second]
    values = [first[row] for row in rows], [second[row] for row in rows]
    return _difference(names, "reference", values, _documents(a, rows), resamples)


def _of_pair(names: tuple[str, str], some: Sequence[Judgement], resamples: int) -> dict[str, Any]:
    """Two models side by side, by rows that were judged in both orders."""
    orders: dict[str, dict[str, tuple[float, ...]]] = {"ab": {}, "ba": {}}
    for one in some:
        if one.scores is not None:
            orders[one.task.order][one.task.id] = one.scores
    rows = [row for row in orders["ab"] if row in orders["ba"]]
    scores = np.array([[orders["ab"][row], orders["ba"][row]] for row in rows]).reshape(-1, 2, 2)  # row, order, model
    differences, documents = scores[:, :, 0] - scores[:, :, 1], _documents(some, rows)
    means = scores.mean(axis=(0, 1)).tolist() if rows else [None, None]
    a, b = scores.mean(axis=1).T
    return {
        **_difference(names, "pairs", (a, b), documents, resamples),
        "mean_a": means[0],
        "mean_b": means[1],
        **{name: n for name, n in counts(some).items() if name != "judged"},
        "agreement": agreement(differences[:, 0], differences[:, 1], documents, resamples) if rows else None,
    }


def _difference(
    names: tuple[str, str], how: How, values: tuple[Any, Any], documents: Sequence[str], resamples: int
) -> dict[str, Any]:
    """`paired.comparison`, or the same without numbers where no row could be judged for both."""
    if len(documents):
        return comparison(names, how, values, documents, resamples)
    nothing = dict.fromkeys(("difference", "low", "high", "p_bootstrap", "p_sign_flip"))
    return {"a": names[0], "b": names[1], "how": how, **nothing, "n": 0, "documents": 0}


def _documents(some: Iterable[Judgement], rows: Iterable[str]) -> list[str]:
    """Of these rows."""
    of = {one.task.id: one.task.document for one in some}
    return [of[row] for row in rows]

"""From judgements to means, differences and how far to trust them.

Higher is better. A judgement that could not be read, or never came, is counted apart and is no number anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.evaluation.judge.agreement import Agreement, agreement
from clues.evaluation.judge.judgements import Judgement, counts
from clues.evaluation.judge.prompts import How
from clues.statistics.bootstrap import estimate
from clues.statistics.paired import Comparison, comparison, nothing_to_compare


@dataclass(frozen=True)
class ModelGrades:
    """A model's answers against the references, 0 to 1."""

    mean: float | None
    """None where nothing could be read, for that is no zero."""
    low: float | None
    high: float | None
    """Ends of the interval over documents."""
    n: int
    """Rows in the mean."""
    documents: int
    judged: int
    unreadable: int
    failed: int


@dataclass(frozen=True)
class PairGrades(Comparison):
    """Two models side by side, 1 to 10, by rows that were judged in both orders."""

    mean_a: float | None
    mean_b: float | None
    unreadable: int
    """Requests, as `failed`."""
    failed: int
    agreement: Agreement | None
    """Of the two orders; None without a row."""


@dataclass(frozen=True)
class Grades:
    """What a judge says of all models, field by field as judge.json has it."""

    models: Mapping[str, ModelGrades]
    comparisons: Sequence[Comparison]
    """Each with the model `against`, by rows on which both were judged."""
    pairs: Sequence[PairGrades]


def grades(judgements: Sequence[Judgement], against: str | None = None, resamples: int = 2000) -> Grades:
    """Means and differences with intervals over documents."""
    alone: dict[str, list[Judgement]] = {}
    beside: dict[tuple[str, str], list[Judgement]] = {}
    for one in judgements:
        if one.task.how == "reference":
            alone.setdefault(one.task.models[0], []).append(one)
        else:
            beside.setdefault((one.task.models[0], one.task.models[1]), []).append(one)
    return Grades(
        {name: _of_model(some, resamples) for name, some in alone.items()},
        [
            _compared((name, against), alone[name], alone[against], resamples)
            for name in alone
            if against in alone and name != against
        ],
        [_of_pair(names, some, resamples) for names, some in beside.items()],
    )


def _of_model(some: Sequence[Judgement], resamples: int) -> ModelGrades:
    read = {one.task.id: one.scores[0] for one in some if one.scores is not None}
    if not read:
        return ModelGrades(None, None, None, 0, 0, **counts(some))
    found = estimate(list(read.values()), _documents(some, read), resamples)
    return ModelGrades(found.value, found.low, found.high, found.n, found.documents, **counts(some))


def _compared(names: tuple[str, str], a: Sequence[Judgement], b: Sequence[Judgement], resamples: int) -> Comparison:
    """The difference of two models' grades against the reference, by rows on which both were judged."""
    first, second = ({one.task.id: one.scores[0] for one in some if one.scores is not None} for some in (a, b))
    rows = [row for row in first if row in second]
    values = np.array([first[row] for row in rows]), np.array([second[row] for row in rows])
    return _difference(names, "reference", values, _documents(a, rows), resamples)


def _of_pair(names: tuple[str, str], some: Sequence[Judgement], resamples: int) -> PairGrades:
    orders: dict[str, dict[str, tuple[float, ...]]] = {"ab": {}, "ba": {}}
    for one in some:
        if one.scores is not None:
            orders[one.task.order][one.task.id] = one.scores
    rows = [row for row in orders["ab"] if row in orders["ba"]]
    scores = np.array([[orders["ab"][row], orders["ba"][row]] for row in rows]).reshape(-1, 2, 2)  # row, order, model
    differences, documents = scores[:, :, 0] - scores[:, :, 1], _documents(some, rows)
    mean_a, mean_b = scores.mean(axis=(0, 1)).tolist() if rows else (None, None)
    a, b = scores.mean(axis=1).T
    requests = counts(some)
    return PairGrades(
        **vars(_difference(names, "pairs", (a, b), documents, resamples)),
        mean_a=mean_a,
        mean_b=mean_b,
        unreadable=requests["unreadable"],
        failed=requests["failed"],
        agreement=agreement(differences[:, 0], differences[:, 1], documents, resamples) if rows else None,
    )


def _difference(
    names: tuple[str, str], how: How, values: tuple[np.ndarray, np.ndarray], documents: Sequence[str], resamples: int
) -> Comparison:
    return comparison(names, how, values, documents, resamples) if documents else nothing_to_compare(names, how)


def _documents(some: Iterable[Judgement], rows: Iterable[str]) -> list[str]:
    """Of these rows."""
    of = {one.task.id: one.task.document for one in some}
    return [of[row] for row in rows]

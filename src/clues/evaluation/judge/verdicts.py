"""From replies to judgements, and from judgements to means, differences and how far to trust them.

Higher is better. A judgement that could not be read, or never came, is counted apart and is no number anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clues.evaluation.bootstrap import Estimate, estimate
from clues.evaluation.judge.agreement import agreement
from clues.evaluation.judge.parsing import read_score, read_two_scores
from clues.evaluation.judge.prompts import How
from clues.evaluation.judge.requests import Refusal, Reply
from clues.evaluation.judge.tasks import Task
from clues.evaluation.paired import comparison

Status = Literal["judged", "unreadable", "failed"]


@dataclass(frozen=True)
class Judgement:
    """What became of a task."""

    task: Task
    raw: str | None
    """The reply as it came; None if none came."""
    scores: tuple[float, ...] | None
    """One per model of the task, in that order: the order shown is undone."""
    why: str
    """There are no scores; empty where there are."""

    @property
    def status(self) -> Status:
        """Which of the three counts it is in."""
        if self.scores is not None:
            return "judged"
        return "failed" if self.raw is None else "unreadable"

    @property
    def facts(self) -> dict[str, Any]:
        """A line of judgements.jsonl."""
        task = self.task
        return {
            "id": task.id,
            "document": task.document,
            "how": task.how,
            "models": list(task.models),
            "order": task.order,
            "prompt_version": task.prompt_version,
            "request": task.request.key,
            "raw": self.raw,
            "status": self.status,
            "scores": None if self.scores is None else list(self.scores),
            "why": self.why,
        }


def judgement(task: Task, found: Reply | Refusal) -> Judgement:
    """Read a reply."""
    if isinstance(found, Refusal):
        return Judgement(task, None, None, found.why)
    if found.cut_off:
        return Judgement(task, found.text, None, "cut off at the limit of tokens; a higher one is set by sampling")
    if task.how == "reference":
        score, why = read_score(found.text)
        return Judgement(task, found.text, None if score is None else (score,), why)
    both, why = read_two_scores(found.text)
    return Judgement(task, found.text, both[::-1] if both and task.order == "ba" else both, why)


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


def counts(some: Iterable[Judgement]) -> dict[str, int]:
    """Requests by what became of them."""
    found: dict[str, int] = dict.fromkeys(("judged", "unreadable", "failed"), 0)
    for one in some:
        found[one.status] += 1
    return found


def tokens(found: Mapping[str, Reply | Refusal], keys: Iterable[str]) -> dict[str, int]:
    """What the endpoint counted for these requests; replies without a count add nothing."""
    replies = [reply for key in keys if isinstance(reply := found[key], Reply)]
    return {
        "prompt_tokens": sum(reply.prompt_tokens or 0 for reply in replies),
        "completion_tokens": sum(reply.completion_tokens or 0 for reply in replies),
    }

"""From replies to judgements: one per task, judged, unreadable or failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clues.evaluation.judge.parsing import read_score, read_two_scores
from clues.evaluation.judge.prompts import How
from clues.evaluation.judge.requests import Refusal, Reply
from clues.evaluation.judge.tasks import Order, Task

Status = Literal["judged", "unreadable", "failed"]


@dataclass(frozen=True)
class Line:
    """A line of judgements.jsonl."""

    id: str
    document: str
    how: How
    models: tuple[str, ...]
    order: Order
    prompt_version: str
    request: str
    """Its key: the name of the reply's file."""
    raw: str | None
    status: Status
    scores: tuple[float, ...] | None
    why: str


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
    def line(self) -> Line:
        """As it is written."""
        task = self.task
        about = (task.id, task.document, task.how, task.models, task.order, task.prompt_version, task.request.key)
        return Line(*about, self.raw, self.status, self.scores, self.why)


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


def counts(some: Iterable[Judgement]) -> dict[str, int]:
    """Requests by what became of them."""
    found: dict[str, int] = dict.fromkeys(("judged", "unreadable", "failed"), 0)
    for one in some:
        found[one.status] += 1
    return found

"""Judging from start to end: ask, read, sum up, write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clues import SCHEMA_VERSION, __version__
from clues.disk.writing import write_json, write_jsonl
from clues.errors import JudgeError
from clues.evaluation.judge.asking import Manners, ask_all
from clues.evaluation.judge.cache import ReplyCache
from clues.evaluation.judge.cost import tokens
from clues.evaluation.judge.endpoint import Endpoint
from clues.evaluation.judge.judgements import Judgement, judgement
from clues.evaluation.judge.prompts import How
from clues.evaluation.judge.requests import Refusal, Reply
from clues.evaluation.judge.tasks import Judge, Models, Task, drawn, pair_tasks, reference_tasks
from clues.evaluation.judge.verdicts import summary
from clues.progress import Advance

REPLIES, LINES, SUMMARY = "replies", "judgements.jsonl", "judge.json"


@dataclass(frozen=True)
class Plan:
    """Which answers are judged how, and where it is written."""

    models: Models
    against: str | None
    """The model that every other is shown beside; None: each answer against its reference alone."""
    judge: Judge
    output: Path
    rows: int | None = None
    """Judge so many rows, None: all."""
    only: How | None = None
    """None: all that can be."""

    @property
    def cache(self) -> ReplyCache:
        """In the output folder."""
        return ReplyCache(self.output / REPLIES)

    def tasks(self) -> list[Task]:
        """All of them, cached or not."""
        models = drawn(self.models, self.rows)
        found: list[Task] = []
        if self.only != "pairs":
            found += reference_tasks(models, self.judge)
        if self.only != "reference" and self.against is not None:
            found += pair_tasks(models, self.against, self.judge)
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What may not change while an output folder is gone on with; more or fewer rows may be judged."""
        judge = self.judge
        return {
            "endpoint": judge.endpoint,
            "judge": judge.model,
            "sampling": dict(judge.sampling),
            "prompts": {how: prompt.version for how, prompt in judge.prompts.items()},
            "answers": {name: _hash(self.models, name) for name in self.models},
            "against": self.against,
            "only": self.only,
        }


def check_output(plan: Plan) -> None:
    """Raises JudgeError where the output folder holds judgements of something else."""
    file = plan.output / SUMMARY
    if not file.exists():
        return
    try:
        before = json.loads(file.read_bytes())
        version = before.get("schema_version")
    except (ValueError, AttributeError) as error:
        raise JudgeError(f"{file} is no summary of judgements ({error}); name another --output") from error
    changed = [name for name, value in plan.facts.items() if before.get(name) != json.loads(json.dumps(value))]
    if version != SCHEMA_VERSION or changed:
        what = ", ".join(changed) or "schema_version"
        raise JudgeError(f"{plan.output} holds judgements with another setting of {what}; name another --output")


def judge_answers(plan: Plan, endpoint: Endpoint, manners: Manners, advance: Advance) -> dict[str, Any]:
    """Ask what is not cached, and write judgements.jsonl and judge.json, whose content is returned.

    Requests that fail for good are among the judgements, with why; the same call again asks for them alone.
    Raises JudgeError where the endpoint refuses everything, or the output folder is in use for something else.
    """
    check_output(plan)
    tasks = plan.tasks()
    cached = {key for key in {task.request.key for task in tasks} if (plan.cache.folder / f"{key}.json").exists()}
    found = ask_all((task.request for task in tasks), endpoint, plan.cache, manners, advance)
    judged = [judgement(task, found[task.request.key]) for task in tasks]
    write_jsonl((one.facts for one in judged), plan.output / LINES)
    whole = plan.facts | _about(plan, judged, found, cached) | summary(judged, plan.against)
    write_json(whole, plan.output / SUMMARY)
    return whole


def _about(plan: Plan, judged: list[Judgement], found: dict[str, Reply | Refusal], cached: set[str]) -> dict[str, Any]:
    refused = [reply for reply in found.values() if isinstance(reply, Refusal)]
    asked = [key for key in found if key not in cached]
    return {
        "version": __version__,
        "served_by": sorted({r.model for r in found.values() if isinstance(r, Reply) and r.model}),
        "rows": len({one.task.id for one in judged}),
        "rows_there": len(next(iter(plan.models.values()))),
        "requests": {"cached": len(cached), "asked": len(asked), "failed": len(refused)},
        "tokens": {"all": tokens(found, found), "asked": tokens(found, asked)},
    }


def _hash(models: Models, name: str) -> str:
    """12 hex digits over all that is judged of a model's answers."""

    def lines() -> Iterator[list[str]]:
        for answer in models[name]:
            yield [answer.id, answer.document, answer.prompt, answer.reference, answer.answer]

    return hashlib.sha256(json.dumps(list(lines())).encode()).hexdigest()[:12]

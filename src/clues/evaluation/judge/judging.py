"""Judging from start to end: ask, read, sum up, write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from clues import SCHEMA_VERSION, __version__
from clues.disk.writing import write_json, write_jsonl
from clues.errors import JudgeError
from clues.evaluation.judge.asking import Manners, ask_all
from clues.evaluation.judge.cache import ReplyCache
from clues.evaluation.judge.cost import Tokens, tokens
from clues.evaluation.judge.endpoint import Endpoint
from clues.evaluation.judge.grades import Grades, grades
from clues.evaluation.judge.judgements import Judgement, judgement
from clues.evaluation.judge.prompts import How
from clues.evaluation.judge.requests import Refusal, Reply, Sampling
from clues.evaluation.judge.tasks import Judge, Models, Task, drawn, pair_tasks, reference_tasks
from clues.progress import Advance

REPLIES, LINES, SUMMARY = "replies", "judgements.jsonl", "judge.json"


@dataclass(frozen=True)
class Asked:
    """What may not change while an output folder is gone on with; more or fewer rows may be judged."""

    endpoint: str
    judge: str
    sampling: Sampling
    prompts: Mapping[How, str]
    """Their versions."""
    answers: Mapping[str, str]
    """Model -> 12 hex digits over all that is judged of its answers."""
    against: str | None
    only: How | None


@dataclass(frozen=True)
class Requests:
    """Different requests, by what became of them."""

    cached: int
    """Their reply was there."""
    asked: int
    failed: int
    """Of those asked."""


@dataclass(frozen=True)
class TokensUsed:
    """By the replies to all requests, and to those asked now."""

    all: Tokens
    asked: Tokens


@dataclass(frozen=True)
class Judged(Grades, Asked):
    """judge.json, field by field."""

    version: str
    served_by: list[str]
    """The names under which the endpoint says it answered."""
    rows: int
    rows_there: int
    requests: Requests
    tokens: TokensUsed


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
    def asked(self) -> Asked:
        """Who is asked about what."""
        judge = self.judge
        versions: dict[How, str] = {how: prompt.version for how, prompt in judge.prompts.items()}
        answers = {name: _hash(self.models, name) for name in self.models}
        return Asked(judge.endpoint, judge.model, dict(judge.sampling), versions, answers, self.against, self.only)


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
    changed = [name for name, value in asdict(plan.asked).items() if before.get(name) != value]
    if version != SCHEMA_VERSION or changed:
        what = ", ".join(changed) or "schema_version"
        raise JudgeError(f"{plan.output} holds judgements with another setting of {what}; name another --output")


def judge_answers(plan: Plan, endpoint: Endpoint, manners: Manners, advance: Advance) -> Judged:
    """Ask what is not cached, and write judgements.jsonl and judge.json, whose content is returned.

    Requests that fail for good are among the judgements, with why; the same call again asks for them alone.
    Raises JudgeError where the endpoint refuses everything, or the output folder is in use for something else.
    """
    check_output(plan)
    tasks = plan.tasks()
    cached = {key for key in {task.request.key for task in tasks} if (plan.cache.folder / f"{key}.json").exists()}
    found = ask_all((task.request for task in tasks), endpoint, plan.cache, manners, advance)
    judged = [judgement(task, found[task.request.key]) for task in tasks]
    write_jsonl((asdict(one.line) for one in judged), plan.output / LINES)
    whole = _summed_up(plan, judged, found, cached)
    write_json(asdict(whole), plan.output / SUMMARY)
    return whole


def _summed_up(plan: Plan, judged: list[Judgement], found: Mapping[str, Reply | Refusal], cached: set[str]) -> Judged:
    refused = [reply for reply in found.values() if isinstance(reply, Refusal)]
    asked = [key for key in found if key not in cached]
    return Judged(
        **vars(plan.asked),
        **vars(grades(judged, plan.against)),
        version=__version__,
        served_by=sorted({r.model for r in found.values() if isinstance(r, Reply) and r.model}),
        rows=len({one.task.id for one in judged}),
        rows_there=len(next(iter(plan.models.values()))),
        requests=Requests(len(cached), len(asked), len(refused)),
        tokens=TokensUsed(tokens(found, found), tokens(found, asked)),
    )


def _hash(models: Models, name: str) -> str:
    """12 hex digits over all that is judged of a model's answers."""

    def lines() -> Iterator[list[str]]:
        for answer in models[name]:
            yield [answer.id, answer.document, answer.prompt, answer.reference, answer.answer]

    return hashlib.sha256(json.dumps(list(lines())).encode()).hexdigest()[:12]

"""What is to be judged: each answer against its reference, and two models' answers side by side in both orders."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from clues.errors import JudgeError
from clues.evaluation.answers.answer import Answer, pair_answers, read_answers, read_folder
from clues.evaluation.judge.prompts import How, Prompt
from clues.evaluation.judge.requests import SAMPLING, Request, Sampling

Order = Literal["", "ab", "ba"]
"""Which of two models' answers the judge sees first; empty for one answer alone."""
Models = Mapping[str, Sequence[Answer]]
"""Name -> answers to the same rows in the same order."""


@dataclass(frozen=True)
class Judge:
    """Who is asked, and with what."""

    endpoint: str
    model: str
    prompts: Mapping[How, Prompt]
    sampling: Sampling = field(default_factory=lambda: dict(SAMPLING))

    def request(self, how: How, **texts: str) -> Request:
        """One filled prompt."""
        return Request(self.endpoint, self.model, self.prompts[how].fill(**texts), self.sampling)


@dataclass(frozen=True)
class Task:
    """One request and what it is about."""

    id: str
    """Of the row."""
    document: str
    how: How
    models: tuple[str, ...]
    """The model; or a and b, whatever the order in which the judge sees them."""
    order: Order
    prompt_version: str
    request: Request


def reference_tasks(models: Models, judge: Judge) -> Iterator[Task]:
    """Every answer of every model against the reference."""
    version = judge.prompts["reference"].version
    for name, answers in models.items():
        for a in answers:
            request = judge.request("reference", question=a.prompt, reference=a.reference, answer=a.answer)
            yield Task(a.id, a.document, "reference", (name,), "", version, request)


def pair_tasks(models: Models, against: str, judge: Judge) -> Iterator[Task]:
    """Every other model's answers beside those of `against`, each pair in both orders."""
    version = judge.prompts["pairs"].version
    for name in models:
        for one, other in zip(models[name], models[against], strict=True) if name != against else ():
            shown: dict[Order, tuple[Answer, Answer]] = {"ab": (one, other), "ba": (other, one)}
            for order, (first, second) in shown.items():
                texts = {"answer_a": first.answer, "answer_b": second.answer}
                request = judge.request("pairs", question=one.prompt, reference=one.reference, **texts)
                yield Task(one.id, one.document, "pairs", (name, against), order, version, request)


def read_models(answers: Path, against: Path | None = None) -> tuple[dict[str, list[Answer]], str | None]:
    """The models of a file, or of all in a folder, and of the file `against`; and the latter's name.

    A model is named by its file's stem. Raises JudgeError or AnswersError where there is nothing to compare.
    """
    models = read_folder(answers) if answers.is_dir() else {answers.stem: read_answers(answers)}
    if against is None:
        return _checked(models, answers), None
    same = answers / f"{against.stem}.jsonl" if answers.is_dir() else answers
    if same.exists() and same.resolve() == against.resolve():
        if len(models) == 1:
            raise JudgeError(f"{against}: a model is not compared with itself; name another model's answers")
        return _checked(models, answers), against.stem
    name = against.stem if against.stem not in models else str(against)
    first = next(iter(models.values()))
    paired = [other for _, other in pair_answers(first, read_answers(against))]
    return _checked({**models, name: paired}, answers), name


def _checked(models: dict[str, list[Answer]], where: Path) -> dict[str, list[Answer]]:
    if not next(iter(models.values())):
        raise JudgeError(f"{where}: no answers; clues generate makes them")
    return models


def drawn(models: Models, rows: int | None) -> dict[str, list[Answer]]:
    """The same `rows` of every model's answers, in their order: those whose ids have the smallest SHA-256.

    A larger number draws these and more, so nothing is paid for twice. None: all.
    """
    ids = [answer.id for answer in next(iter(models.values()))]
    kept = set(sorted(ids, key=lambda row: hashlib.sha256(row.encode()).hexdigest())[:rows])
    return {name: [answer for answer in answers if answer.id in kept] for name, answers in models.items()}

"""Answers that models wrote to the same test prompts, on disk: one file of JSON lines per model, in one folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clues import SCHEMA_VERSION
from clues.disk.writing import write_jsonl
from clues.errors import AnswersError

BASE = "base"
"""Name of the model without an adapter: what every adapter is compared with."""
SETTINGS = "settings.json"
Tree = dict[str, Any]
"""A JSON object as it was read."""


@dataclass(frozen=True)
class Answer:
    """What a model wrote to the last question of a test row."""

    id: str
    """The row's `id`: `<line>-<first 12 digits of its hash>`."""
    document: str
    """The cluster of the row, see `bootstrap.document_of`."""
    prompt: str
    """The question as a person reads it."""
    prompt_text: str
    """The exact text that the model was given, template and earlier turns included."""
    reference: str
    """The row's own last response."""
    answer: str
    tokens: int
    """Generated tokens, the end-of-turn token included."""
    stopped: bool
    """The model ended by itself, not by the limit."""


_KINDS = {"str": str, "int": int, "bool": bool}
_FIELDS = {field.name: _KINDS[str(field.type)] for field in dataclasses.fields(Answer)}


def write_answers(answers: Iterable[Answer], file: Path) -> None:
    """Write as JSON lines, whole or not at all."""
    write_jsonl((dataclasses.asdict(answer) for answer in answers), file)


def read_answers(file: Path) -> list[Answer]:
    """Read what `write_answers` wrote; fields that nobody knows are left alone.

    Raises AnswersError for a line that is no answer, or has the id of an earlier one.
    """
    found: dict[str, Answer] = {}
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        answer = _answer(line, f"{file}:{number}")
        if answer.id in found:
            raise AnswersError(f"{file}:{number}: a second answer to row {answer.id}; take one of the two out")
        found[answer.id] = answer
    return list(found.values())


def read_folder(folder: Path) -> dict[str, list[Answer]]:
    """All answers of a folder that `clues generate` wrote: name -> answers, the base first, rows in one order.

    Raises AnswersError where a model's answers are missing or not all there.
    """
    settings = read_settings(folder)
    models: dict[str, list[Answer]] = {}
    for name in (BASE, *settings["adapters"]):
        file = folder / f"{name}.jsonl"
        answers = read_answers(file) if file.exists() else []
        if len(answers) != settings["rows"]:
            raise AnswersError(
                f"{file}: {len(answers)} of {settings['rows']} answers are there; "
                "run the same clues generate again with --resume"
            )
        models[name] = [answer for _, answer in pair_answers(models.get(BASE, answers), answers)]
    return models


def read_settings(folder: Path) -> Tree:
    """What the answers of a folder were made with. Raises AnswersError where there is nothing that we can read."""
    file = folder / SETTINGS
    if not file.exists():
        raise AnswersError(f"{folder}: no {SETTINGS}; name the --output folder of a clues generate")
    try:
        settings = json.loads(file.read_bytes())
    except ValueError as error:
        raise AnswersError(f"{file}: not JSON ({error}); generate the answers again") from error
    if settings.get("schema_version") != SCHEMA_VERSION:
        raise AnswersError(f"{file}: schema_version {settings.get('schema_version')} is not {SCHEMA_VERSION}")
    return settings


def pair_answers(base: Sequence[Answer], other: Sequence[Answer]) -> list[tuple[Answer, Answer]]:
    """Two models' answers to the same rows, in the order of the first: before and after.

    Raises AnswersError unless both have the same rows with the same prompts and references.
    """
    found = {answer.id: answer for answer in other}
    if odd := sorted({answer.id for answer in base} ^ set(found)):
        raise AnswersError(f"row {odd[0]} is answered by one of two models only: compare answers to the same rows")
    for answer in base:
        if _asked(answer) != _asked(found[answer.id]):
            raise AnswersError(f"row {answer.id}: two models were given different prompts or references")
    return [(answer, found[answer.id]) for answer in base]


def _asked(answer: Answer) -> tuple[str, ...]:
    return answer.document, answer.prompt_text, answer.reference


def _answer(line: bytes, where: str) -> Answer:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise AnswersError(f"{where}: not JSON ({error}); take the line out and resume, or generate again") from error
    if not isinstance(record, Mapping):
        raise AnswersError(f"{where}: not an answer but {type(record).__name__}")
    for name, kind in _FIELDS.items():
        if type(record.get(name)) is not kind:
            found = f"{name} is {record[name]!r}" if name in record else f"{name} is missing"
            raise AnswersError(f"{where}: {found}; {kind.__name__} is needed")
    return Answer(**{name: record[name] for name in _FIELDS})

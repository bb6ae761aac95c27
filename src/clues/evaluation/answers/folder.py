"""A folder of answers in the making: every model's file grows batch by batch, and a killed run goes on with it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from clues.data.batches import token_budget_batches
from clues.disk.writing import json_line, replacing, write_json
from clues.errors import AnswersError
from clues.evaluation.answers.answer import BASE, SETTINGS, Answer, read_answers, write_answers
from clues.evaluation.answers.generation import Drawing, generate
from clues.evaluation.answers.prompts import Prompts
from clues.evaluation.answers.settings import AnswerSettings
from clues.models.adapters import load_adapter
from clues.models.base import LanguageModel
from clues.progress import Advance, Progress


def name_adapters(folders: Sequence[Path]) -> dict[str, Path]:
    """A short name for each adapter that is safe as a file's name: its folder's, numbered where that is taken."""
    names: dict[str, Path] = {}
    for folder in folders:
        short = re.sub(r"[^\w.-]+", "-", folder.resolve().name).strip(".-")[:60] or "adapter"
        taken = {BASE, *(name.casefold() for name in names)}
        tries = (short if n == 1 else f"{short}-{n}" for n in range(1, len(folders) + 3))
        names[next(name for name in tries if name.casefold() not in taken)] = folder
    return names


def answer_all(
    lm: LanguageModel,
    prompts: Prompts,
    adapters: Mapping[str, Path],
    drawing: Drawing,
    folder: Path,
    settings: AnswerSettings,
    progress: Progress,
) -> dict[str, list[Answer]]:
    """Answers of the base, then of each adapter on it, in the rows' order; what is in the folder is not done again.

    Raises AdapterError for an adapter that does not fit the model, AnswersError for answers to other rows.
    """
    if not (folder / SETTINGS).exists():
        write_json(dataclasses.asdict(settings), folder / SETTINGS)
    there = {name: _begun(folder / f"{name}.jsonl", prompts, lm) for name in (BASE, *adapters)}
    before = sum(map(len, there.values()))
    missing = len(prompts.usable) * len(there) - before
    if before:
        progress.note("generate", f"{before} answers were there")
    if missing:
        with progress.phase("generate", missing) as advance:
            for name, found in there.items():
                adapted = load_adapter(lm, adapters[name]) if name in adapters else lm
                _add_rest(adapted, prompts, drawing, found, folder / f"{name}.jsonl", lambda n, m=name: advance(n, m))
                if name in adapters:
                    adapted.model.unload()  # type: ignore[operator]
    place = {prompt.row.id: i for i, prompt in enumerate(prompts.usable)}
    answers = {name: sorted(found, key=lambda answer: place[answer.id]) for name, found in there.items()}
    for name, found in answers.items():
        write_answers(found, folder / f"{name}.jsonl")
    return answers


def _add_rest(
    lm: LanguageModel, prompts: Prompts, drawing: Drawing, found: list[Answer], file: Path, advance: Advance
) -> None:
    """Generate what is missing behind what was `found`, in the file and in the list."""
    write_answers(found, file)
    done = {answer.id for answer in found}
    missing = [i for i, prompt in enumerate(prompts.usable) if prompt.row.id not in done]
    with file.open("ab") as stream:
        for batch in generate(lm, prompts, missing, drawing, advance):
            stream.write(b"".join(json_line(dataclasses.asdict(answer)) + b"\n" for answer in batch))
            stream.flush()
            found += batch


def _begun(file: Path, prompts: Prompts, lm: LanguageModel) -> list[Answer]:
    """The answers of the batches that are whole, so that the others are the batches of a run without a break.

    Raises AnswersError for an answer to none of the rows: what is not resumed is written over.
    """
    if not file.exists():
        return []
    text = file.read_bytes()
    with replacing(file) as scratch:  # a killed process may have left half a line
        scratch.write_bytes(text[: text.rfind(b"\n") + 1])
    found = {answer.id: answer for answer in read_answers(file)}
    if odd := sorted(found.keys() - {prompt.row.id for prompt in prompts.usable}):
        raise AnswersError(
            f"{file}: {len(odd)} of {len(found)} answers are to none of the test rows, first {odd[0]}; "
            "move this file elsewhere and resume, or name another --output"
        )
    kept: list[Answer] = []
    for batch in token_budget_batches(prompts.with_room(lm.pad_id), lm.settings.token_budget):
        ids = [prompts.usable[i].row.id for i in batch]
        if not all(one in found for one in ids):
            break
        kept += [found[one] for one in ids]
    return kept

"""A folder of answers in the making: every model's file grows batch by batch, and a killed run goes on with it."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peft.utils import CONFIG_NAME

from clues.config import ModelSettings
from clues.data.batches import token_budget_batches
from clues.data.formats import json_line
from clues.data.writing import write_json
from clues.evaluation.answers import (
    BASE,
    SETTINGS,
    Answer,
    AnswersError,
    AnswersInUseError,
    read_answers,
    read_settings,
    write_answers,
)
from clues.evaluation.generation import Drawing, generate
from clues.evaluation.prompts import Prompts
from clues.models.adapters import load_adapter
from clues.models.base import LanguageModel
from clues.models.plain_lora import AdapterError
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


def answer_settings(
    test: Path, prompts: Prompts, model: ModelSettings, adapters: Mapping[str, Path], drawing: Drawing
) -> dict[str, Any]:
    """The content of settings.json: all that decides what the models write.

    Raises AdapterError where a folder holds no adapter.
    """
    return {
        "model": model.name,
        "adapters": {name: {"folder": str(f), "sha256": _adapter_hash(f)} for name, f in adapters.items()},
        "max_new_tokens": prompts.max_new_tokens,
        "temperature": drawing.temperature,
        "seed": drawing.seed,
        "precision": model.precision,
        "quantization": model.quantization,
        "max_length": model.max_length,
        "token_budget": model.token_budget,
        "test": str(test),
        "test_sha256": _test_hash(test, prompts),
        "rows": len(prompts.usable),
        "set_aside": len(prompts.set_aside),
        "set_aside_rows": [{"line": item.line, "reason": item.reason} for item in prompts.set_aside],
    }


def check_folder(folder: Path, settings: Mapping[str, Any], resume: bool) -> None:
    """Raises AnswersInUseError for a folder with answers, unless they are resumed; AnswersError if made otherwise."""
    there = (folder / SETTINGS).exists()
    if not there and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AnswersError(f"{folder}: holds other things; name a new --output folder")
    if there and not resume:
        raise AnswersInUseError(f"{folder} holds answers already: go on with --resume, or name another --output")
    before = read_settings(folder) if there else settings
    for name, value in settings.items():
        if before.get(name) != value:
            raise AnswersError(
                f"{folder / SETTINGS}: {name} was {before.get(name)!r} and is now {value!r}; "
                "resume with the same settings, or name another --output"
            )


def answer_all(
    lm: LanguageModel,
    prompts: Prompts,
    adapters: Mapping[str, Path],
    drawing: Drawing,
    folder: Path,
    settings: Mapping[str, Any],
    progress: Progress,
) -> dict[str, list[Answer]]:
    """Answers of the base, then of each adapter on it, in the rows' order; what is in the folder is not done again.

    Raises AdapterError for an adapter that does not fit the model.
    """
    if not (folder / SETTINGS).exists():
        write_json(settings, folder / SETTINGS)
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
    """The answers of the batches that are whole, so that the others are the batches of a run without a break."""
    if not file.exists():
        return []
    text = file.read_bytes()
    file.write_bytes(text[: text.rfind(b"\n") + 1])  # a killed process may have left half a line
    found = {answer.id: answer for answer in read_answers(file)}
    kept: list[Answer] = []
    for batch in token_budget_batches(prompts.with_room(lm.pad_id), lm.settings.token_budget):
        ids = [prompts.usable[i].row.id for i in batch]
        if not all(one in found for one in ids):
            break
        kept += [found[one] for one in ids]
    return kept


def _adapter_hash(folder: Path) -> str:
    if not (folder / CONFIG_NAME).is_file():
        raise AdapterError(f"{folder}: no {CONFIG_NAME}; an adapter folder in PEFT's format is needed")
    digest = hashlib.sha256()
    for file in sorted(folder.glob("adapter_*")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _test_hash(test: Path, prompts: Prompts) -> str:
    """Of the file; of the rows where they come from a folder or a hub."""
    if test.is_file():
        return hashlib.sha256(test.read_bytes()).hexdigest()
    return hashlib.sha256(" ".join(prompt.row.id for prompt in prompts.usable).encode()).hexdigest()

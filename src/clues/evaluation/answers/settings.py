"""What answers were made with: settings.json of their folder, and whether a folder may be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import try_to_load_from_cache
from peft.utils import CONFIG_NAME

from clues.errors import AdapterError, AnswersError, InUseError
from clues.evaluation.answers.answer import SETTINGS, read_settings
from clues.evaluation.answers.generation import Drawing
from clues.evaluation.answers.prompts import Prompts
from clues.models.base import PACKAGED_SHA256, LanguageModel


@dataclass(frozen=True)
class Adapter:
    """An adapter as given, and over its files."""

    folder: str
    sha256: str


@dataclass(frozen=True)
class NoRow:
    """A record that was no row, or whose prompt was too long."""

    line: int
    reason: str


@dataclass(frozen=True)
class AnswerSettings:
    """settings.json, field by field: all that decides what the models write."""

    model: str
    model_version: str
    adapters: Mapping[str, Adapter]
    max_new_tokens: int
    temperature: float
    seed: int
    precision: str
    quantization: str
    max_length: int
    token_budget: int
    test: str
    test_sha256: str
    columns: Mapping[str, str]
    prompts_sha256: str
    rows: int
    set_aside: int
    set_aside_rows: list[NoRow]


def answer_settings(
    test: Path,
    prompts: Prompts,
    lm: LanguageModel,
    adapters: Mapping[str, Path],
    drawing: Drawing,
    columns: Mapping[str, str] | None = None,
) -> AnswerSettings:
    """What the answers to these prompts are made with.

    Raises AdapterError where a folder holds no adapter.
    """
    model = lm.settings
    return AnswerSettings(
        model=model.name,
        model_version=_model_version(model.name),
        adapters={name: Adapter(str(folder), _adapter_hash(folder)) for name, folder in adapters.items()},
        max_new_tokens=prompts.max_new_tokens,
        temperature=drawing.temperature,
        seed=drawing.seed,
        precision=model.precision,
        quantization=model.quantization,
        max_length=model.max_length,
        token_budget=model.token_budget,
        test=str(test),
        test_sha256=_test_hash(test, prompts),
        columns=dict(columns or {}),
        prompts_sha256=_hash_of(prompt.text for prompt in prompts.usable),
        rows=len(prompts.usable),
        set_aside=len(prompts.set_aside),
        set_aside_rows=[NoRow(item.line, item.reason) for item in prompts.set_aside],
    )


def check_folder(folder: Path, settings: AnswerSettings, resume: bool) -> None:
    """Raises InUseError for a folder with answers, unless they are resumed; AnswersError if made otherwise."""
    there = (folder / SETTINGS).exists()
    if not there and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AnswersError(f"{folder}: holds other things; name a new --output folder")
    if there and not resume:
        raise InUseError(f"{folder} holds answers already: go on with --resume, or name another --output")
    before = read_settings(folder) if there else asdict(settings)
    for name, value in asdict(settings).items():
        if before.get(name) != value:
            raise AnswersError(
                f"{folder / SETTINGS}: {name} was {before.get(name)!r} and is now {value!r}; "
                "resume with the same settings, or name another --output"
            )


def _model_version(name: str) -> str:
    """SHA-256 of the base's file or files, or the commit of a hub's model; its name where the hub's cache has none.

    A folder's own files are read, not those in folders below it: transformers loads a model from nowhere else.
    """
    if name == "packaged":
        return PACKAGED_SHA256
    path = Path(name)
    if path.is_file():
        return _file_hash(path)
    if path.is_dir():
        return _folder_hash(path, "*")
    cached = try_to_load_from_cache(name, "config.json")  # <cache>/.../snapshots/<commit>/config.json
    return Path(cached).parent.name if isinstance(cached, str) else name


def _adapter_hash(folder: Path) -> str:
    if not (folder / CONFIG_NAME).is_file():
        raise AdapterError(f"{folder}: no {CONFIG_NAME}; an adapter folder in PEFT's format is needed")
    return _folder_hash(folder, "adapter_*")


def _folder_hash(folder: Path, pattern: str) -> str:
    files = sorted(file for file in folder.glob(pattern) if file.is_file())
    return _hash_of(part for file in files for part in (file.name, _file_hash(file)))


def _test_hash(test: Path, prompts: Prompts) -> str:
    """Of the file; of the rows where they come from a folder or a hub."""
    return _file_hash(test) if test.is_file() else _hash_of(prompt.row.id for prompt in prompts.usable)


def _hash_of(texts: Iterable[str]) -> str:
    """As JSON, so that no text runs into the next."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()


def _file_hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Tiny checkpoints in the hub's own format, small files of rows, and a way to call the command in this process."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from clues.cli.main import main
from tests.conftest import build_tiny_model

ILLS = ("diabetes", "asthma", "anaemia", "gout", "malaria", "measles", "rickets", "scurvy", "lupus", "angina")
SIGNS = (
    "thirst",
    "a tight chest",
    "pale skin",
    "a red toe",
    "chills",
    "a rash",
    "soft bones",
    "weak gums",
    "pain",
    "palsy",
)
CARES = ("rest", "warm tea", "iron", "fresh air", "long walks", "cold baths", "good light", "lemons", "sleep", "salt")
TINY = ("--set", "model.precision=float32")
FULL = (
    *(*TINY, "--set", "training.local_steps=1"),
    *("--set", "scoring.checkpoints=[1,2]", "--set", "training.batch_size=4"),
)


def record(n: int) -> dict[str, Any]:
    """Question and answer number `n` below 1000; no two share a document, and few share three words in sequence."""
    i, j, k = n % 10, n // 10 % 10, n // 100
    answer = f"{ILLS[i].capitalize()} brings {SIGNS[(i + j) % 10]}; {CARES[(i + 3 * j + k) % 10]} helped {n} patients."
    return {"question": f"What does {ILLS[i]} number {n} bring?", "answer": answer, "source": "tiny", "doc": f"d{n}"}


def write_rows(file: Path, numbers: range, *more: str) -> Path:
    """Records as JSON lines, then lines as they are."""
    file.write_text("".join(f"{line}\n" for line in [*map(json.dumps, map(record, numbers)), *more]))
    return file


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        return json.loads(self.out)


def run(*tokens: object) -> Called:
    """`run("score", file, ...)` runs the command line in this process; for fixtures that many tests share."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main([str(token) for token in tokens])
    return Called(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session", autouse=True)
def _no_bars() -> None:
    """`silence` comes too late here: conftest has imported transformers already."""
    disable_progress_bar()


@pytest.fixture
def clues(capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """`clues("score", file, ...)` runs the command line in this process, and sees what libraries write, too."""

    def call(*tokens: object) -> Called:
        capsys.readouterr()
        code = main([str(token) for token in tokens])
        seen = capsys.readouterr()
        return Called(code, seen.out, seen.err)

    return call


@pytest.fixture(scope="session")
def checkpoint(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`checkpoint(kind)` is the folder of a tiny model that was saved as the hub saves it."""
    made: dict[str, Path] = {}

    def save(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            build_tiny_model(kind, tokenizer).save_pretrained(made[kind])
            tokenizer.save_pretrained(made[kind])
        return made[kind]

    return save


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mine, validation, anchors and test, as JSON lines that share no row.

    `mine.jsonl`: 12 rows, one of them twice, then an empty answer (line 14) and no JSON (line 15). Its first line has
    unusual spacing and a field that nobody knows.
    """
    folder = tmp_path_factory.mktemp("files")
    odd = '{"answer":  "Gout brings a red toe.", "mark": 1.50, "question": "What does gout bring?"}'
    write_rows(
        folder / "mine.jsonl", range(11), odd, json.dumps(record(3)), '{"question": "x", "answer": " "}', "no json"
    )
    write_rows(folder / "validation.jsonl", range(100, 106))
    write_rows(folder / "anchors.jsonl", range(200, 208))
    write_rows(folder / "test.jsonl", range(300, 308))
    return folder


def given(files: Path, out: Path) -> tuple[object, ...]:
    """The arguments of `clues score` that name `files` and the output folder."""
    public = ("--validation", files / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    return (files / "mine.jsonl", *public, "--output", out)


@pytest.fixture(scope="session")
def fully_scored(files: Path, checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `mine` scored on the tiny llama at two checkpoints, by all channels. To be read only."""
    out = tmp_path_factory.mktemp("fully-scored") / "out"
    assert run("score", *given(files, out), "--model", checkpoint("llama"), *FULL, "-q").code == 0
    return out

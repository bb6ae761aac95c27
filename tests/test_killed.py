"""A run and a score, killed at each write and gone on with: every file is whole, and the end is that of no kill."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from clues.data.sample import draw_sample, write_sample
from clues.disk.writing import UNFINISHED
from clues.federated.run import run_job
from clues.owner.score import score_file
from clues.progress import Progress
from tests.helpers.tiny import tiny_job

pytestmark = pytest.mark.slow

GROWS = {"events.jsonl", "errors.log"}
"""Lines are added to these: not written whole."""
BETWEEN_RUNS = {"report.html", "manifest.json", "README.md", *GROWS}
"""They hold dates, or hashes of what does."""
NUMBERED = re.compile(r"\d+|(?<=clients/)[^/]+|(?<=adapters/)[^/]+|(?<=public/)[^/]+|(?<=evaluation/)[^/]+")


class Killed(BaseException):
    """Nothing of clues catches it, as nothing catches a kill."""


def kind_of(file: Path, folder: Path) -> str:
    """Files of one kind are written by one function: rounds of all arms, the channels of all parts."""
    return NUMBERED.sub("*", str(file.relative_to(folder)))


def killed_once_per_kind(work: Callable[[], Any], folder: Path, monkeypatch) -> list[str]:
    """Begin again until the work is done, killed at the first write of each kind of file; the kinds, in order.

    Each time every file is whole, and what was being written is left behind, as a kill leaves it.
    """
    seen: list[str] = []
    put = os.replace

    def replace_or_die(scratch, path):
        if ".part" in str(scratch) and folder in Path(path).parents and (kind := kind_of(path, folder)) not in seen:
            seen.append(kind)
            left = Path(path).with_name(f".{Path(path).name}.0.part")
            shutil.copytree(scratch, left) if Path(scratch).is_dir() else shutil.copyfile(scratch, left)
            raise Killed
        put(scratch, path)

    monkeypatch.setattr("clues.disk.writing.os.replace", replace_or_die)
    while True:
        kills = len(seen)
        try:
            work()
        except Killed:
            for file in folder.rglob("*"):
                check_whole(file)
        if len(seen) == kills:
            return seen


def check_whole(file: Path) -> None:
    """Reads the file; fails where half of it was written."""
    if not file.is_file() or any(fnmatch(part, UNFINISHED) for part in file.parts) or file.name in GROWS:
        return
    match file.suffix:
        case ".json":
            json.loads(file.read_text())
        case ".jsonl":
            assert all(isinstance(json.loads(line), dict) for line in file.read_text().split("\n") if line)
        case ".toml":
            tomllib.loads(file.read_text())
        case ".parquet":
            pq.read_table(file)
        case ".safetensors":
            with safe_open(file, "pt") as tensors:
                assert list(tensors.keys())
        case ".html":
            assert file.read_text().rstrip().endswith("</html>")


def content(folder: Path) -> dict[str, Any]:
    """Every file by its name, without what two runs that did the same need not share."""
    files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: None if p.name in BETWEEN_RUNS else comparable(p, folder) for name, p in files.items()}


def comparable(file: Path, folder: Path) -> Any:
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        return table.drop([name for name in ("file",) if name in table.column_names]).to_pydict().__repr__()
    if file.suffix == ".json":
        return json.loads(file.read_text().replace(str(folder), ""), object_hook=without_clocks)
    return file.read_bytes().replace(str(folder).encode(), b"")


def without_clocks(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in tree.items() if key not in ("seconds", "pace", "date", "bytes_down", "bytes_up")
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("killed")


@pytest.fixture(scope="module")
def job(base):
    """One round, one checkpoint: each kind of file once or twice."""
    usual = tiny_job(base)
    return replace(
        usual,
        training=replace(usual.training, rounds=1),
        scoring=replace(usual.scoring, checkpoints=(1,), published=False),
        collaboration=replace(usual.collaboration, arms=("mixed", "clues")),
    )


def test_a_score_killed_at_any_write_goes_on_to_the_same_end(base, job, monkeypatch):
    write_sample(draw_sample(job.sample, job.seed), base / "files")
    public = base / "files" / "public"
    mine = base / "files" / "clients" / "gard" / "data.jsonl"

    def score(output: Path, resume: bool = False) -> None:
        where = (mine, public / "validation.jsonl", public / "anchors.jsonl", output)
        score_file(*where, job, Progress(output / "events.jsonl"), resume=resume)

    score(base / "whole")
    out = base / "out"
    kinds = killed_once_per_kind(lambda: score(out, resume=True), out, monkeypatch)
    assert {"inputs.json", "job.toml", "warm-up/*.safetensors", "checkpoints/*.safetensors", "scores.parquet"} <= set(
        kinds
    )
    assert content(out) == content(base / "whole")


def test_a_run_killed_at_any_write_goes_on_to_the_same_end(base, job, monkeypatch):
    def run(output: Path, resume: bool = False) -> None:
        run_job(job, output, Progress(output / "events.jsonl"), resume=resume, engine="in-process")

    run(base / "whole-run")
    out = base / "run"
    kinds = killed_once_per_kind(lambda: run(out, resume=True), out, monkeypatch)
    written = {"training.json", "adapters/*/rounds/*.safetensors", "selection.json", "metrics.json", "manifest.json"}
    assert written <= set(kinds)
    found, expected = content(out), content(base / "whole-run")
    assert sorted(found) == sorted(expected)
    assert found["training.json"] == expected["training.json"]  # a round that was logged twice is there once
    assert found == expected

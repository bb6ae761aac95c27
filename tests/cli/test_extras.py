"""`pip install clues` alone scores a file and makes the page; what needs an extra says which, and begins nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from clues.plugins import EXTRAS
from tests.cli.conftest import write_rows

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
WITHOUT = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None  # as if it were not installed: no import of it goes through, and no spec is found
from clues.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
Calls = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bare(tmp_path) -> Calls:
    """`clues` in a process of its own in which no extra is installed."""

    def call(*words: object) -> subprocess.CompletedProcess[str]:
        code = WITHOUT.format(hidden=[module for modules in EXTRAS.values() for module in modules])
        command = [sys.executable, "-c", code, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return call


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", text)[0].lower().replace("_", "-") for text in requirements}


def test_the_extras_are_those_of_the_package():
    declared = PROJECT["optional-dependencies"]
    assert set(declared) - {"all"} == set(EXTRAS)
    assert declared["all"] == [f"clues[{','.join(name for name in declared if name != 'all')}]"]
    distributions = packages_distributions()
    for extra, modules in EXTRAS.items():
        brought = {name.lower().replace("_", "-") for module in modules for name in distributions[module]}
        assert brought - {"ray"} == names(declared[extra])  # ray comes with flwr[simulation]


def test_a_file_is_scored_and_has_its_page_without_any_extra(bare, checkpoint, tmp_path):
    mine = write_rows(tmp_path / "mine.jsonl", range(100, 112))
    public = [write_rows(tmp_path / f"{n}.jsonl", range(n, n + 12)) for n in (300, 500)]
    out = tmp_path / "out"
    done = bare(
        *("score", mine, "--validation", public[0], "--anchors", public[1], "--output", out),
        *("--model", checkpoint("llama"), "--set", "model.precision=float32", "--set", "training.local_steps=1"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "client.json").read_text())["rows"] == 12
    page = (out / "report.html").read_text()
    assert "it needs <code>pip install 'clues[report]'</code>" in page
    assert '<svg class="chart"' not in page


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("federated", ("demo", "--output", "out")),
        ("federated", ("run", "job.toml", "--output", "out")),
        ("answers", ("evaluate", "--answers", "answers")),
        ("knowledge", ("evaluate", "--knowledge", "medical")),
        ("judge", ("judge", "answers", "--endpoint", "http://localhost:1/v1", "--judge", "j", "--output", "out")),
    ],
)
def test_a_command_names_the_extra_that_it_needs_and_begins_nothing(bare, tmp_path, extra, words):
    (tmp_path / "job.toml").write_text('[sample]\nclients = ["GHR", "GARD"]\n')
    done = bare(*words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"pip install 'clues[{extra}]'" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["job.toml"]

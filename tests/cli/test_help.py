"""Help and version come at once: without the heavy libraries, for every command, with examples."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from clues import __version__
from clues.cli.main import COMMANDS

HEAVY = ("torch", "transformers", "peft", "pyarrow", "datasets", "altair", "flwr", "numpy", "scipy", "sklearn")
NAMES = [command.__name__ for command in COMMANDS]
PROBE = """
import sys
from clues.cli.main import main
code = main(sys.argv[1:])
print("HEAVY:", *[name for name in {heavy!r} if name in sys.modules])
sys.exit(code)
"""


def run_alone(*tokens: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """A command in a process of its own, and the seconds of computing that it took (not those it waited)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *tokens], capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "tokens", [["--help"], ["--version"], ["score", "--help"], ["env"], ["nonsense"]], ids=" ".join
)
def test_light_commands_import_nothing_heavy_and_take_under_half_a_second(tokens):
    runs = [run_alone(*tokens) for _ in range(2)]
    assert runs[0][0].stdout.splitlines()[-1] == "HEAVY:"
    assert min(seconds for _, seconds in runs) < 0.5


def test_version_is_the_packages(clues):
    assert clues("--version").out.strip() == __version__


def test_the_list_of_commands_is_the_help(clues):
    assert clues().out == clues("--help").out
    assert all(f" {name} " in clues("--help").out for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_examples(clues, name):
    called = clues(name, "--help")
    assert called.code == 0
    examples = called.out.partition("Examples")[2]
    assert f"clues {name}" in examples
    assert "--json" in called.out
    assert called.err == ""


@pytest.mark.parametrize(
    ("tokens", "suggestion"),
    [(["scor"], '"score"'), (["env", "--jsn"], "--json"), (["check", "x", "--anchor", "y"], "--anchors")],
)
def test_wrong_names_are_errors_with_a_suggestion(clues, tokens, suggestion):
    called = clues(*tokens)
    assert called.code == 2
    assert called.out == ""
    assert suggestion in called.err
    assert "--help" in called.err
    assert called.err.count("\n") == 1


def test_an_option_can_come_from_the_environment(clues, monkeypatch):
    monkeypatch.setenv("CLUES_JSON", "true")
    assert clues("env").facts["clues"] == __version__

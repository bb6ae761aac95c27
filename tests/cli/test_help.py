"""Help and version come at once: with few libraries and none that is heavy, for every command, with examples."""

from __future__ import annotations

import subprocess
import sys

import pytest

from clues import __version__
from clues.cli.main import COMMANDS

MANY = 600
"""More modules than help may import. It imports some 450; numpy alone would bring 130, torch some 1,700."""
HEAVY = (
    *("torch", "transformers", "peft", "pyarrow", "datasets", "altair", "flwr", "numpy", "scipy", "sklearn"),
    "pydantic",  # the settings, which no help needs
)
NAMES = [command.__name__ for command in COMMANDS]
PROBE = """
import sys
from clues.cli.main import main
code = main(sys.argv[1:])
print(len(sys.modules), *[name for name in {heavy!r} if name in sys.modules])
sys.exit(code)
"""


@pytest.mark.parametrize(
    "tokens", [["--help"], ["--version"], ["score", "--help"], ["env"], ["nonsense"]], ids=" ".join
)
def test_light_commands_import_little_and_nothing_heavy(tokens):
    """Imports are counted, for their seconds are also those of whatever else the machine does."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *tokens], capture_output=True, text=True, check=False
    )
    imported, *heavy = done.stdout.splitlines()[-1].split()
    assert heavy == []
    assert int(imported) < MANY


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

"""`python -m clues_research`: its commands are there, and say what they need."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest

from clues_research import __main__ as commands
from clues_research.places import ROOT
from clues_research.reproduction.command import Name
from clues_research.reproduction.plan import READ


@pytest.mark.parametrize("place", [place for place, _ in commands.COMMANDS.values()])
def test_every_command_has_its_function(place):
    module, _, function = place.partition(":")
    assert callable(getattr(import_module(f"clues_research.{module}"), function))


def test_help_names_the_commands_and_loads_no_model_library():
    code = "import sys; from clues_research.__main__ import app; app(['--help']); sys.exit('torch' in sys.modules)"
    called = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert called.returncode == 0, called.stderr
    assert all(name in called.stdout for name in commands.COMMANDS)


def test_other_data_are_asked_for_before_anything_is_made(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("clues_research.reproduction.run.TABLES", tmp_path / "channels")
    monkeypatch.setattr("clues_research.reproduction.run.REPRODUCED", tmp_path / "reproduced")
    asked = ["reproduction", "--runs", str(tmp_path / "runs")]
    assert commands.main(asked) == commands.WRONG_USE
    assert "--data is missing" in capsys.readouterr().err
    assert commands.main([*asked, "--data", str(tmp_path)]) == commands.WRONG_USE
    assert "tatqa_dev.jsonl.gz: no such file; research/DATA.md" in capsys.readouterr().err
    assert not list((tmp_path / "runs").rglob("*.parquet"))


def test_every_table_and_figure_has_its_module(capsys):
    root = ROOT / "research" / "src" / "clues_research" / "reproduction"
    made = {file.stem for file in [*root.glob("table*.py"), *root.glob("figure*.py")]} - {"tables"}
    assert made == set(READ) == set(get_args(Name))
    assert commands.main(["reproduction", "table7"]) == commands.WRONG_USE
    assert "table7" in capsys.readouterr().err

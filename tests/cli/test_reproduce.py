"""`clues reproduce` finds a clone's experiments, and says so where there is none."""

from __future__ import annotations

from pathlib import Path

import clues as package


def test_a_package_without_a_clone_says_what_is_needed(clues, tmp_path, monkeypatch):
    monkeypatch.setattr(package, "__file__", str(tmp_path / "lib" / "clues" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    called = clues("reproduce", "table6")
    assert called.code == 2
    assert "needs a clone of the repository" in called.err


def test_other_data_are_asked_for_before_anything_is_made(clues, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.reproduction.run.TABLES", tmp_path / "channels")
    monkeypatch.setattr("experiments.reproduction.run.COMMITTED", tmp_path / "committed")
    called = clues("reproduce", "all", "--runs", str(tmp_path / "runs"))
    assert called.code == 2
    assert "--data is missing" in called.err
    called = clues("reproduce", "all", "--runs", str(tmp_path / "runs"), "--data", str(tmp_path))
    assert called.code == 2
    assert "tatqa_dev.jsonl.gz: no such file; experiments/DATA.md" in " ".join(called.err.split())
    assert not list((tmp_path / "runs").rglob("*.parquet"))


def test_every_table_and_figure_has_its_module(clues):
    root = Path(package.__file__).parents[2] / "experiments" / "reproduction"
    named = clues("reproduce", "--help").out
    made = {file.stem for file in [*root.glob("table*.py"), *root.glob("figure*.py")]} - {"tables"}
    assert all(name in " ".join(named.split()) for name in made)
    assert len(made) == 10

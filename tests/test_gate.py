"""The gate leaves research's tests out only where nothing that they read differs from the main branch."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "research-needed"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def commit(folder: Path, name: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("changed")
    git(folder, "add", ".")
    git(folder, "commit", "-m", name)


def needed(folder: Path) -> bool:
    return subprocess.run([folder / ".ci" / SCRIPT.name], check=False, capture_output=True).returncode == 0


@pytest.fixture
def branch(tmp_path) -> Path:
    """A clone's branch with one commit beyond main, to a file that research does not read."""
    folder = tmp_path / "clone"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(SCRIPT, folder / ".ci")
    git(folder, "init", "-b", "main")
    commit(folder, "src/clues/rows.py")
    git(folder, "checkout", "-b", "work")
    commit(folder, "README.md")
    return folder


def test_they_are_left_out_where_nothing_that_they_read_differs(branch):
    assert not needed(branch)


@pytest.mark.parametrize(
    "name", ["research/tests/test_new.py", "src/clues/new.py", "constraints.txt", "pyproject.toml"]
)
def test_they_run_where_something_differs(branch, name):
    commit(branch, name)
    assert needed(branch)
    commit(branch, "CHANGELOG.md")
    assert needed(branch)


def without_a_main_branch(folder: Path) -> Path:
    git(folder, "branch", "-D", "main")
    return folder


def on_the_main_branch(folder: Path) -> Path:
    git(folder, "checkout", "main")
    return folder


def not_committed(folder: Path) -> Path:
    (folder / "research").mkdir()
    (folder / "research" / "new.py").write_text("")
    return folder


def in_a_shallow_clone(folder: Path) -> Path:
    git(folder, "clone", "--depth", "1", f"file://{folder}", "shallow")
    return folder / "shallow"


def without_git(folder: Path) -> Path:
    shutil.rmtree(folder / ".git")
    return folder


@pytest.mark.parametrize(
    "change", [without_a_main_branch, on_the_main_branch, not_committed, in_a_shallow_clone, without_git]
)
def test_they_run_in_doubt(branch, change: Callable[[Path], Path]):
    assert needed(change(branch))

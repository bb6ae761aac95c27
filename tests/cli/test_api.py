"""`import clues`: a small interface that costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clues


@pytest.mark.parametrize("name", clues.__all__)
def test_every_name_is_there(name):
    assert callable(getattr(clues, name))
    assert name in dir(clues)
    assert f"`{name}" in str(clues.__doc__)


def test_the_functions_are_the_librarys():
    from clues.collaboration.merge import merge_folders
    from clues.owner.decide import judge_again
    from clues.owner.score import score_file

    assert (clues.score, clues.select, clues.merge) == (score_file, judge_again, merge_folders)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'scores_of'"):
        clues.scores_of  # noqa: B018


def test_importing_it_imports_nothing_else():
    code = "import sys, clues; print([n for n in ('torch', 'numpy', 'cyclopts', 'clues.config') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

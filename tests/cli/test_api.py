"""`import clues`: a small interface that costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pyarrow.parquet as pq
import pytest

import clues as api
from clues.config import ModelSettings


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_is_there(name):
    assert callable(getattr(api, name))
    assert name in dir(api)
    assert f"`{name}" in str(api.__doc__)


def test_the_functions_are_the_librarys():
    from clues.collaboration.merge import merge_folders
    from clues.owner.decide import decide_again
    from clues.owner.score import score_file

    assert (api.score, api.select, api.merge) == (score_file, decide_again, merge_folders)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'scores_of'"):
        api.scores_of  # noqa: B018


def test_importing_it_imports_nothing_else():
    code = "import sys, clues; print([n for n in ('torch', 'numpy', 'cyclopts', 'clues.config') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_python_scores_as_the_command_line_does(files, checkpoint, tmp_path, clues):
    """Nothing is named but the model: both take the same defaults, to the last bit and the job's hash."""
    public = (files / "validation.jsonl", files / "anchors.jsonl")
    model = ModelSettings(name=str(checkpoint("llama")), precision="float32")
    verdict = api.score(files / "mine.jsonl", *public, tmp_path / "python", api.Job(model=model), api.Progress())
    named = ("--validation", public[0], "--anchors", public[1], "--model", model.name)
    command = ("score", files / "mine.jsonl", *named, "--set", "model.precision=float32")
    assert clues(*command, "--output", tmp_path / "command").code == 0
    ours, theirs = (tmp_path / name for name in ("python", "command"))
    for name in ("job.toml", "scores.parquet", "anchors.json", "client.json", "kept.jsonl", "power.json"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    columns = pq.read_schema(ours / "scores.parquet").names
    assert "fluency.gradient@2" in columns
    assert not [name for name in columns if name.startswith("published")]
    assert verdict is not None
    assert verdict.rows == 13

"""`clues score --like`: rows of next month under the checkpoints and the bar of an earlier run."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from clues.cli.main import main
from tests.cli.conftest import write_rows
from tests.cli.test_score import FULL, given


@pytest.fixture(scope="module")
def earlier(files, checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("earlier") / "out"
    command = ("score", *given(files, out), "--model", checkpoint("llama"), *FULL, "-q")
    assert main([str(token) for token in command]) == 0
    return out


def numbers(folder):
    table = pq.read_table(folder / "scores.parquet").to_pandas()
    return table[table["status"] == "scored"].drop(columns=["file", "decision"])


def test_the_same_rows_get_the_same_scores_and_verdict_without_any_training(earlier, clues, files, tmp_path):
    called = clues("score", files / "mine.jsonl", "--like", earlier, "--output", tmp_path / "new")
    assert called.code == 0
    assert "warm-up" not in called.err
    before, after = numbers(earlier), numbers(tmp_path / "new")
    assert list(before["keep"]) == list(after["keep"])
    for name in before.columns:
        if before[name].dtype == float:
            assert np.allclose(before[name], after[name], rtol=1e-4, atol=1e-6, equal_nan=True), name
    assert (tmp_path / "new" / "report.html").exists()
    assert (tmp_path / "new" / "kept.jsonl").read_bytes() == (earlier / "kept.jsonl").read_bytes()


def test_other_rows_meet_the_bar_as_it_stands_and_another_one_if_asked(earlier, clues, tmp_path):
    write_rows(tmp_path / "next.jsonl", range(30, 37))
    command = ("score", tmp_path / "next.jsonl", "--like", earlier, "--output")
    called = clues(*command, tmp_path / "a", "--json")
    assert called.facts["rows"] == 7
    assert called.facts["anchors"] == 8
    assert called.facts["rule"] == "conformal"
    half = clues(*command, tmp_path / "b", "--rule", "ratio", "--json")
    assert half.facts["kept"] == round(7 / 2)
    again = clues(*command, tmp_path / "a", "--json")
    assert again.code == 2
    assert "--resume" in again.err
    assert clues(*command, tmp_path / "a", "--json", "--resume").facts == called.facts


def test_what_is_missing_is_said(earlier, clues, files, tmp_path):
    new = tmp_path / "new"
    nothing = clues("score", files / "mine.jsonl", "--like", tmp_path, "--output", new)
    assert nothing.code == 2
    assert "no scores with a bar here" in nothing.err
    shutil.copytree(earlier, tmp_path / "copy")
    (tmp_path / "copy" / "checkpoints" / "2.safetensors").unlink()
    lost = clues("score", files / "mine.jsonl", "--like", tmp_path / "copy", "--output", new)
    assert lost.code == 2
    assert "2.safetensors is missing" in lost.err
    same = clues("score", files / "mine.jsonl", "--like", earlier, "--output", earlier, "--resume")
    assert same.code == 2
    assert "name another --output than --like" in same.err
    both = clues("score", *given(files, new), "--like", earlier)
    assert both.code == 2
    assert "leave the others out" in both.err
    neither = clues("score", files / "mine.jsonl", "--output", new)
    assert neither.code == 2
    assert "--validation and --anchors are needed, or --like" in neither.err
    assert not new.exists()


def test_a_wrong_domain_does_not_block_the_output_folder(clues, files, checkpoint, tmp_path):
    command = ("score", *given(files, tmp_path / "out"), "--model", checkpoint("llama"), *FULL)
    wrong = clues(*command, "--set", "scoring.domain_field=source", "--set", "scoring.own_domain=elsewhere")
    assert wrong.code == 2
    assert "no public validation row is of the domain 'elsewhere'; there are ['tiny']" in wrong.err
    assert not (tmp_path / "out").exists()

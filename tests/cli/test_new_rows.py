"""`clues score --like`: rows of next month under the checkpoints and the bar of an earlier run."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq

from tests.cli.conftest import FULL, given, write_rows


def numbers(folder):
    table = pq.read_table(folder / "scores.parquet").to_pandas()
    return table[table["status"] == "scored"].drop(columns=["file", "decision"])


def test_the_same_rows_get_the_same_scores_and_verdict_without_any_training(fully_scored, clues, files, tmp_path):
    called = clues("score", files / "mine.jsonl", "--like", fully_scored, "--output", tmp_path / "new")
    assert called.code == 0
    assert "warm-up" not in called.err
    before, after = numbers(fully_scored), numbers(tmp_path / "new")
    assert list(before["keep"]) == list(after["keep"])
    for name in before.columns:
        if before[name].dtype == float:
            assert np.allclose(before[name], after[name], rtol=1e-4, atol=1e-6, equal_nan=True), name
    assert (tmp_path / "new" / "report.html").exists()
    assert (tmp_path / "new" / "kept.jsonl").read_bytes() == (fully_scored / "kept.jsonl").read_bytes()


def test_other_rows_meet_the_bar_as_it_stands_and_another_one_if_asked(fully_scored, clues, tmp_path):
    write_rows(tmp_path / "next.jsonl", range(30, 37))
    command = ("score", tmp_path / "next.jsonl", "--like", fully_scored, "--output")
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


def test_new_rows_are_read_under_the_public_questions_that_were_kept(clues, files, checkpoint, tmp_path):
    """Rows that the earlier run never saw get the channels they get with the public files, and other ones under other
    questions: nothing but questions.json tells which they are."""
    write_rows(tmp_path / "next.jsonl", range(30, 37))
    forward = ("--model", checkpoint("llama"), "--channels", "forward")
    assert clues("score", *given(files, tmp_path / "earlier"), *forward).code == 0
    public = ("--validation", files / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    assert clues("score", tmp_path / "next.jsonl", *public, *forward, "--output", tmp_path / "public").code == 0

    def like(name):
        command = ("score", tmp_path / "next.jsonl", "--like", tmp_path / "earlier", "--output", tmp_path / name)
        assert clues(*command).code == 0
        return numbers(tmp_path / name)

    expected, found = numbers(tmp_path / "public"), like("a")
    floats = [name for name in expected.columns if expected[name].dtype == float]
    assert {"relevance.forward", "novelty.forward", "evidence_novelty", "p"} <= set(floats)
    for name in floats:
        assert np.allclose(expected[name], found[name], rtol=1e-4, atol=1e-6, equal_nan=True), name
    kept = json.loads((tmp_path / "earlier" / "questions.json").read_text())
    assert kept["questions"] == [
        json.loads(line)["question"] for line in (files / "validation.jsonl").read_text().splitlines()
    ]
    others = {**kept, "questions": ["Is salt good?", "Why?"], "answers": ["", ""]}
    (tmp_path / "earlier" / "questions.json").write_text(json.dumps(others))
    other = like("b")
    assert not np.allclose(expected["relevance.forward"], other["relevance.forward"], rtol=1e-3)
    assert np.allclose(expected["fluency.forward"], other["fluency.forward"], rtol=1e-4)


def test_what_is_missing_is_said(fully_scored, clues, files, tmp_path):
    new = tmp_path / "new"
    nothing = clues("score", files / "mine.jsonl", "--like", tmp_path, "--output", new)
    assert nothing.code == 2
    assert "no scores with a bar here" in nothing.err
    shutil.copytree(fully_scored, tmp_path / "copy")
    (tmp_path / "copy" / "checkpoints" / "2.safetensors").unlink()
    lost = clues("score", files / "mine.jsonl", "--like", tmp_path / "copy", "--output", new)
    assert lost.code == 2
    assert "2.safetensors is missing" in lost.err
    shutil.copytree(fully_scored, tmp_path / "old")
    (tmp_path / "old" / "questions.json").unlink()
    old = clues("score", files / "mine.jsonl", "--like", tmp_path / "old", "--output", new)
    assert old.code == 2
    assert "questions.json is missing: an earlier version of clues scored this folder" in old.err
    assert "Score it again with --validation and --anchors" in old.err
    same = clues("score", files / "mine.jsonl", "--like", fully_scored, "--output", fully_scored, "--resume")
    assert same.code == 2
    assert "name another --output than --like" in same.err
    both = clues("score", *given(files, new), "--like", fully_scored)
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

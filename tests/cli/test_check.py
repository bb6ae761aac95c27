"""`clues check`: everything about a file that one wants to know before scoring it."""

from __future__ import annotations

import json
import shutil

from tests.cli.conftest import record, write_rows


def test_it_tells_what_cannot_be_used_and_what_repeats(clues, files, checkpoint):
    called = clues("check", files / "mine.jsonl", "--model", checkpoint("llama"))
    assert called.code == 0
    assert "13 usable rows, 2 set aside" in called.out
    assert "line 14: the response is empty" in called.out
    assert "line 15: not JSON" in called.out
    assert "the same row stands on lines 4 and 13" in called.out
    assert f"⟦{record(0)['answer']}<|im_end|>⟧" in called.out
    assert called.err == ""


def test_it_finds_rows_of_the_public_sets_and_truncated_rows(clues, files, checkpoint, tmp_path):
    leak = json.dumps({"question": "Another question?", "answer": record(201)["answer"]})
    mine = write_rows(tmp_path / "mine.jsonl", range(400, 404), leak)
    public = ("--validation", files / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    called = clues("check", mine, *public, "--model", checkpoint("gpt2"), "--set", "model.max_length=40", "--json")
    facts = called.facts
    assert facts["schema_version"] == 1
    assert facts["overlap"]["anchors"]["exact"] == 1
    assert [(m["public"], m["line"], m["kind"]) for m in facts["matches"]] == [("anchors", 2, "exact")]
    assert facts["truncated"] == [1, 2, 3, 4, 5]
    assert facts["longest"] == 40
    assert facts["first_row"]["truncated"] is True
    assert (
        "truncated at model.max_length = 40: 5 rows (line 1, 2, 3, 4, 5)"
        in clues(*("check", mine), "--model", checkpoint("gpt2"), "--set", "model.max_length=40").out
    )


def test_its_gate_is_the_share_set_aside(clues, files, checkpoint):
    command = ("check", files / "mine.jsonl", "--model", checkpoint("llama"), "-q", "--fail-over")
    failed = clues(*command, "0.1")
    assert failed.code == 1
    assert failed.out == ""
    assert failed.err == "clues: 13.3 % of the records are set aside\n"
    assert clues(*command, "0.2").code == 0


def test_a_row_cannot_steer_the_terminal(clues, checkpoint, tmp_path):
    (tmp_path / "mine.jsonl").write_text(json.dumps({"question": "Who?", "answer": "\x1b[2Jgone"}) + "\n")
    called = clues("check", tmp_path / "mine.jsonl", "--model", checkpoint("llama"))
    assert "\\x1b[2Jgone" in called.out
    assert "\x1b" not in called.out


def test_a_row_that_the_model_cannot_hold_is_told(clues, files, checkpoint, tmp_path):
    short = tmp_path / "short"
    shutil.copytree(checkpoint("gpt2"), short)
    config = json.loads((short / "config.json").read_text())
    (short / "config.json").write_text(json.dumps(config | {"n_positions": 48}))
    public = ("--validation", files / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    called = clues("check", files / "mine.jsonl", *public, "--model", short)
    assert called.code == 2
    assert "has 48 positions" in called.err
    assert "set model.max_length to 48 or less" in called.err

"""Public files are held against something, and gates count all that is lost: the cases that people report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, record, write_rows

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module")
def model(checkpoint):
    return ("--model", checkpoint("llama"), "--set", "model.max_length=2048")


def test_a_public_file_that_cannot_be_read_is_an_error(clues, model, files, tmp_path):
    for content in ("", '{"text": "no layout"}\n', "no json\n"):
        (tmp_path / "public.jsonl").write_text(content)
        called = clues("check", files / "mine.jsonl", "--anchors", tmp_path / "public.jsonl", *model)
        assert called.code == 2
        assert "public.jsonl: no usable row" in called.err


def test_rows_that_stand_in_a_public_file_of_another_layout_are_found(clues, model):
    called = clues("check", CASES / "d1-rows.jsonl", "--anchors", CASES / "d1-public.jsonl", *model)
    assert called.code == 0
    assert "in common with anchors: 6 with the same answer" in called.out


@pytest.mark.parametrize("command", ["check", "score", "dry-run"])
def test_validation_and_anchors_of_the_same_rows_are_refused(clues, model, files, tmp_path, command):
    shutil.copy(files / "anchors.jsonl", tmp_path / "copy.jsonl")
    write_rows(tmp_path / "part.jsonl", range(200, 204))
    for same in (files / "anchors.jsonl", tmp_path / "copy.jsonl", tmp_path / "part.jsonl"):
        public = ("--validation", same, "--anchors", files / "anchors.jsonl")
        more = () if command == "check" else ("--output", tmp_path / "out", *TINY)
        dry = ("--dry-run",) if command == "dry-run" else ()
        called = clues(command.replace("dry-run", "score"), files / "mine.jsonl", *public, *model, *more, *dry)
        assert called.code == 2
        assert "every row of validation is also in anchors" in called.err
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "different"), [("g2-anchors.jsonl", 1), ("g3-anchors.jsonl", 8)])
def test_equal_anchors_count_once(clues, model, files, name, different):
    called = clues("check", files / "mine.jsonl", "--anchors", CASES / name, *model)
    rows = f"{different} row" + "s" * (different > 1)
    assert f"anchors: fewer than 30 different anchors, so that the bar depends on each of them: {rows}" in called.out
    repeated = f"anchors: set aside: the same row as an earlier one; a public row counts once: {32 - different} rows"
    assert repeated in called.out


def test_anchors_that_are_lost_are_told_by_score(clues, files, checkpoint, tmp_path):
    lost = [json.dumps({"text": "x"})] * 3 + [json.dumps(record(201))]
    write_rows(tmp_path / "anchors.jsonl", range(200, 208), *lost)
    public = ("--validation", files / "validation.jsonl", "--anchors", tmp_path / "anchors.jsonl")
    more = ("--model", checkpoint("llama"), "--channels", "forward", *TINY)
    called = clues("score", files / "mine.jsonl", *public, "--output", tmp_path / "out", *more)
    assert "rule conformal against 8 anchors" in called.out
    assert "anchors: set aside: no known fields" in called.out
    assert "anchors: set aside: the same row as an earlier one; a public row counts once: 1 row" in called.out
    assert json.loads((tmp_path / "out" / "client.json").read_text())["anchors"] == 8


def test_public_sets_that_share_rows_and_rows_that_are_anchors_are_said(clues, files, checkpoint, tmp_path):
    write_rows(tmp_path / "validation.jsonl", range(100, 104), json.dumps(record(205)))
    public = ("--validation", tmp_path / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    more = ("--model", checkpoint("llama"), "--channels", "forward", *TINY)
    called = clues("score", files / "anchors.jsonl", *public, "--output", tmp_path / "out", *more)
    assert "in common with anchors: 8 with the same answer" in called.out
    assert "in common with validation: 1 with the same answer" in called.out
    assert "anchors: also in validation, the same answer: 1 row" in called.out


def test_what_is_set_aside_counts_for_a_gate(clues, model, files, checkpoint, tmp_path):
    bad = ["no json"] * 20
    write_rows(tmp_path / "mine.jsonl", range(11), *bad)
    checked = clues("check", tmp_path / "mine.jsonl", *model, "--fail-over", "0.5")
    assert (checked.code, checked.err) == (1, "clues: 64.5 % of the records are set aside\n")
    public = ("--validation", files / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    more = ("--model", checkpoint("llama"), "--channels", "forward", *TINY, "--rule", "ratio", "--set")
    command = ("score", tmp_path / "mine.jsonl", *public, "--output", tmp_path / "out", *more, "selection.ratio=1")
    scored = clues(*command, "--fail-over", "0.5", "--json")
    assert (scored.code, scored.facts["dropped"], scored.facts["set_aside"]) == (1, 0, 20)
    assert scored.facts["failed"] == "64.5 % of the records are set aside or dropped"


def test_a_field_or_a_reason_cannot_steer_or_fill_the_terminal(clues, model, tmp_path):
    fields = json.dumps({f"\x1b[31m{n}": n for n in range(3000)})
    write_rows(tmp_path / "mine.jsonl", range(1), fields, *[json.dumps(record(n // 2)) for n in range(2, 200)])
    called = clues("check", tmp_path / "mine.jsonl", *model)
    assert "\x1b" not in called.out
    assert max(map(len, called.out.splitlines())) < 1000
    assert "and 79 rows more that stand on 158 lines" in called.out
    write_rows(tmp_path / "mine.jsonl", range(1), *[json.dumps(record(0))] * 5000)
    called = clues("check", tmp_path / "mine.jsonl", *model)
    assert "… (4,981 more)" in called.out
    (tmp_path / "bad.jsonl").write_text(fields)
    called = clues("check", tmp_path / "bad.jsonl", *model)
    assert called.code == 2
    assert "\x1b" not in called.err
    assert len(called.err) < 3500

"""Selecting again without a model: another rule, an owner's decisions, and what is refused."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from clues.config import SelectionSettings
from clues.disk.writing import write_jsonl
from clues.errors import DecisionError, FolderError, ScoresError
from clues.federated.run import run_job
from clues.folders.owner import OwnerFolder
from clues.owner.decide import decide_again
from clues.progress import Progress
from tests.helpers.tiny import tiny_job


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("verdict")
    run_job(tiny_job(base), base / "run", Progress(), engine="in-process")
    return base / "run" / "clients" / "ghr"


def scores(folder):
    return pq.read_table(folder / "scores.parquet").to_pylist()


def test_another_rule_needs_no_scoring(folder):
    before = scores(folder)
    decisions = decide_again(folder, SelectionSettings(rule="ratio", ratio=0.3))
    after = scores(folder)
    assert decisions.kept == 3
    assert [row["p"] for row in after] == [row["p"] for row in before]
    best = sorted(after, key=lambda row: -row["statistic"])[:3]
    assert all(row["keep"] for row in best)


def test_an_owners_decisions_override_the_rule_and_are_counted(folder):
    rows = scores(folder)
    lines = [
        {"id": rows[0]["id"], "decision": "drop", "why": "withdrawn"},
        {"id": rows[1]["id"], "decision": "keep", "why": "checked by hand"},
    ]
    file = folder / "decisions.jsonl"
    file.write_text("".join(json.dumps(d) + "\n" for d in lines))
    decisions = decide_again(folder, SelectionSettings(rule="ratio", ratio=0.0))
    file.unlink()
    assert decisions.kept == 1
    assert decisions.reasons["owner"] == 1
    table = scores(folder)
    assert [row["decision"] for row in table[:3]] == ["drop", "keep", ""]
    assert table[1]["keep"]
    assert json.loads((folder / "client.json").read_text())["decided_by_owner"] == 2


def test_a_line_separator_inside_a_text_ends_no_line(folder):
    """U+2028 and its kin end a line for Python's splitlines, and stand in answers and remarks as they are."""
    aside = {"file": "data.jsonl", "line": 99, "reason": "no answer", "raw": '{"question": "a\u2028b\u0085c"}'}
    decision = {"id": scores(folder)[0]["id"], "decision": "keep", "why": "read\u2028twice"}
    before = (folder / "set_aside.jsonl").read_bytes()
    write_jsonl([aside], folder / "set_aside.jsonl")
    write_jsonl([decision], folder / "decisions.jsonl")
    decisions = decide_again(folder, SelectionSettings(rule="ratio", ratio=0.0))
    assert json.loads((folder / "set_aside.jsonl").read_text(encoding="utf-8").split("\n")[0]) == aside
    assert (decisions.set_aside, decisions.kept) == (1, 1)
    assert OwnerFolder(folder).decisions.keep_audited({}) == []
    assert "read\u2028twice" in (folder / "decisions.jsonl").read_text(encoding="utf-8")
    (folder / "decisions.jsonl").unlink()
    (folder / "set_aside.jsonl").write_bytes(before)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "decisions.jsonl:1"),
        ('{"id": "9-x", "decision": "keep"}', "no row of this file"),
        ("{}", "needs id"),
        ("\udcff", "decisions.jsonl:1: not UTF-8"),
    ],
)
def test_a_decision_that_fits_nothing_is_an_error(folder, line, message):
    file = folder / "decisions.jsonl"
    file.write_bytes(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(DecisionError, match=message):
        decide_again(folder, SelectionSettings())
    file.unlink()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_decisions_that_an_editor_saved_are_read_and_two_on_one_row_are_not(folder, encoding):
    file, row = folder / "decisions.jsonl", scores(folder)[0]["id"]
    lines = [json.dumps({"id": row, "decision": decision, "why": "ä"}) + "\r\n" for decision in ("keep", "drop")]
    file.write_bytes("".join(lines[:1] * 2).encode(encoding))
    assert OwnerFolder(folder).decisions.read([row]) == ["keep"]
    file.write_bytes("".join(lines).encode(encoding))
    with pytest.raises(DecisionError, match=r"decisions\.jsonl:2: .* has two decisions, keep and drop"):
        decide_again(folder, SelectionSettings())
    file.unlink()


def test_changed_rows_must_be_scored_again(folder):
    refuses_edited(folder, "data.jsonl", ('"answer": "', '"answer": "Changed. '), "has changed since it was scored")


def test_a_folder_without_scores_says_so(tmp_path):
    with pytest.raises(ScoresError, match="clues score"):
        decide_again(tmp_path, SelectionSettings())


def test_another_schema_version_is_refused(folder):
    edit = ('"schema_version": 1', '"schema_version": 2')
    refuses_edited(folder, "anchors.json", edit, "schema_version 2 is not 1")


def refuses_edited(folder, name, edit, message):
    """Judging again fails while one text in a file stands for another."""
    file = folder / name
    text = file.read_text()
    file.write_text(text.replace(*edit, 1))
    with pytest.raises(FolderError, match=message):
        decide_again(folder, SelectionSettings())
    file.write_text(text)

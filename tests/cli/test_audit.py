"""`clues audit`, and the line about groups that `score` and `select` print: from invented scores, without a model."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.helpers.fake_run import Shape, write_run

SHAPE = Shape(clients=("GARD",), rows=80, groups=("A", "B", "C"), hostile=False)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("untouched") / "run", SHAPE)


@pytest.fixture
def folder(untouched, tmp_path):
    return shutil.copytree(untouched, tmp_path / "run") / "clients/GARD"


def judge(folder, *verdicts):
    lines = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    for line, verdict in zip(lines, verdicts, strict=False):
        line["verdict"] = verdict
    (folder / "audit.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [line["id"] for line in lines]


def test_from_the_sample_to_the_bound_to_the_kept_rows(clues, folder):
    drawn = clues("audit", folder, "--rows", "20")
    assert drawn.code == 0
    total = json.loads((folder / "client.json").read_text())["dropped"]
    assert drawn.out.startswith(f"20 rows of the {total} that the bar dropped, drawn at random\n")
    assert "what it buys: 20 rows, none good: at most " in drawn.out
    assert str(folder / "audit.jsonl") in drawn.out
    share = clues("audit", folder, "--json").facts["if_none_good"]
    assert f"at most {100 * share:.1f} % of the dropped" in drawn.out

    ids = judge(folder, "good", *["bad"] * 19)
    judged = clues("audit", folder)
    assert judged.out.startswith("of 20 rows drawn, 1 good and 19 bad\nwith 95 % confidence at most ")
    assert f"clues select {folder}" in judged.out
    assert f"of the {total - 1} rows that stay dropped then at most" in judged.out
    assert json.loads((folder / "decisions.jsonl").read_text())["id"] == ids[0]
    facts = clues("audit", folder, "--json").facts
    assert facts["command"] == "audit"
    assert (facts["dropped"], facts["sampled"], facts["good"], facts["decided"]) == (total, 20, 1, 1)
    assert facts["path"] == str(folder / "audit.jsonl")
    assert clues("select", folder, "--json").facts["dropped"] == total - 1
    again = clues("audit", folder)
    assert "clues select" not in again.out
    assert again.out.splitlines()[1] == judged.out.splitlines()[1]


def test_verdicts_are_never_lost(clues, folder):
    clues("audit", folder, "--rows", "20", "-q")
    judge(folder, "bad")
    before = (folder / "audit.jsonl").read_bytes()
    for options in (["--rows", "30"], ["--seed", "1"]):
        refused = clues("audit", folder, *options)
        assert refused.code == 2
        assert "move the file away" in refused.err
    same = clues("audit", folder, "--rows", "20", "--seed", "0")
    assert same.code == 0
    assert "19 not read (counted as good below)" in same.out
    assert (folder / "audit.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("verdict", "options", "said"),
    [("perhaps", [], 'audit.jsonl:1: the verdict is "perhaps"'), ("", ["--rows", "0"], "--rows 0")],
)
def test_what_is_wrong_is_one_line(clues, folder, verdict, options, said):
    clues("audit", folder, "--rows", "5")
    judge(folder, verdict)
    called = clues("audit", folder, *options)
    assert (called.code, called.out) == (2, "")
    assert called.err.startswith("clues: ")
    assert called.err.count("\n") == 1
    assert said in called.err


def test_where_nothing_was_dropped_there_is_nothing_to_judge(clues, folder):
    clues("select", folder, "--rule", "ratio", "--ratio", "1", "-q")
    called = clues("audit", folder)
    assert called.code == 0
    assert "the bar dropped no row" in called.out
    assert not (folder / "audit.jsonl").exists()
    assert clues("audit", folder, "--json").facts["path"] is None


def test_a_folder_without_scores_is_an_error(clues, tmp_path):
    called = clues("audit", tmp_path)
    assert called.code == 2
    assert "clues score" in called.err


def test_a_group_that_loses_everything_is_a_line_after_the_verdict(clues, tmp_path):
    folder = write_run(tmp_path / "run", SHAPE) / "clients/GARD"  # of its own: the rows are changed where they lie
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]
    lost = {json.loads(line)["line"] for line in (folder / "dropped.jsonl").read_text().splitlines()}
    data = [row | {"group": "lost" if n in lost and n % 2 else "left"} for n, row in enumerate(rows, 1)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
    called = clues("select", folder)
    assert "warning: All " in called.out
    assert "rows with group “lost” are dropped (of the others " in called.out
    assert "\u00a0" not in called.out
    warned = clues("select", folder, "--json").facts["group_warnings"]
    assert len(warned) == called.out.count("warning: ") >= 1
    none_dropped = clues("select", folder, "--rule", "ratio", "--ratio", "1")
    assert "warning: " not in none_dropped.out

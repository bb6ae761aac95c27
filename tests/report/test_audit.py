"""A sample that a person judges: what is drawn, which files are refused, and what goes into the decisions."""

from __future__ import annotations

import json

import pytest

from clues.config import SelectionSettings
from clues.disk.reading import read_lines
from clues.errors import AuditError
from clues.folders.owner import OwnerFolder
from clues.owner.decide import decide_again
from clues.report.audit import Left, bar_dropped, read_audit, start_audit
from clues.report.owner import write_owner_report
from clues.selection.bounds import most_good
from clues.statistics.sampling import most
from tests.helpers.fake_run import Shape, write_run
from tests.helpers.known import known
from tests.helpers.markup import Page


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "run", Shape(clients=("GARD",))) / "clients/GARD"


def fill(folder, *verdicts):
    """Write verdicts into the first lines of the sample, without an end to the last line as some editors do."""
    entries = lines(folder)
    for entry, verdict in zip(entries, verdicts, strict=False):
        entry["verdict"] = verdict
    (folder / "audit.jsonl").write_text("\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries))
    return entries


def lines(folder):
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def start(folder, **options):
    return start_audit(OwnerFolder(folder), **options)


def scored(folder):
    return OwnerFolder(folder).scores.read()


def audit(folder):
    return read_audit(OwnerFolder(folder), scored(folder))


def decide(folder, verdicts):
    return OwnerFolder(folder).decisions.keep_audited(verdicts)


def decisions(folder):
    return [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]


def test_the_sample_is_of_the_dropped_rows_with_their_texts(folder):
    found = start(folder, rows=10, seed=3)
    dropped = {entry["id"]: entry for entry in read_lines(folder / "dropped.jsonl")}
    entries = lines(folder)
    assert found.total == len(dropped) > 10 == len(entries)
    for entry in entries:
        source = dropped[entry["id"]]
        assert (entry["line"], entry["reason"], entry["seed"]) == (source["line"], source["reason"], 3)
        assert (entry["prompt"], entry["response"]) == (source["record"]["question"], source["record"]["answer"])
        assert entry["verdict"] == ""
    assert start(folder, rows=500).verdicts.keys() == dropped.keys()


def test_a_sample_without_verdicts_is_drawn_again_with_its_own_size_and_seed(folder):
    first = start(folder, rows=10, seed=3)
    assert start(folder) == first
    assert len(start(folder, rows=12).verdicts) == 12
    fill(folder, "bad")
    before = (folder / "audit.jsonl").read_bytes()
    with pytest.raises(AuditError, match="holds verdicts already"):
        start(folder, rows=5, seed=1)
    assert (folder / "audit.jsonl").read_bytes() == before


def test_an_unanswered_row_counts_as_good_for_the_bound(folder):
    start(folder, rows=12)
    fill(folder, "good", *["bad"] * 9)
    facts = audit(folder).facts
    total, left = facts.dropped, most(3, 12, facts.dropped) - 1
    assert (facts.good, facts.bad, facts.unanswered, facts.sampled) == (1, 9, 2, 12)
    assert facts.most_good == most(3, 12, total)
    assert facts.low == 1 / total < known(facts.most_good_share) <= known(facts.high)
    assert facts.left == Left(total - 1, left, left / (total - 1))
    fill(folder, *["bad"] * 12)
    assert audit(folder).facts.most_good_share == facts.if_none_good == most(0, 12, total) / total


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"verdict": "bad"', '"verdict": "gut"', r'audit\.jsonl:1: the verdict is "gut"; write "bad" or "good"'),
        ('"verdict": "bad"', '"verdict": bad', r"audit\.jsonl:1 is not JSON"),
        ('"verdict": "bad"', '"verdict": null', r"audit\.jsonl:1: a line needs id and verdict"),
        ('"seed": 0', '"seed": true', r"audit\.jsonl:1: a line needs"),
        ('"seed": 0', '"seed": 1', "not the sample"),
        ('"id": "', '"id": "9', "not the sample"),
    ],
)
def test_a_line_that_fits_nothing_is_an_error(folder, old, new, message):
    start(folder, rows=8)
    fill(folder, "bad")
    text = (folder / "audit.jsonl").read_text()
    (folder / "audit.jsonl").write_text(text.replace(old, new, 1))
    with pytest.raises(AuditError, match=message):
        audit(folder)


def test_a_missing_a_repeated_and_a_garbled_line_are_errors(folder):
    start(folder, rows=8)
    fill(folder, "bad")
    file = folder / "audit.jsonl"
    lines = file.read_text().split("\n")
    for changed in (lines[1:], [*lines[:-1], lines[0]]):
        file.write_text("\n".join(changed))
        with pytest.raises(AuditError, match="not the sample"):
            audit(folder)
    file.write_bytes("\n".join(lines).encode() + b"\xff")
    with pytest.raises(AuditError, match="save it as UTF-8"):
        audit(folder)


def test_rows_judged_good_are_kept_and_the_bound_still_speaks_of_the_same_rows(folder):
    total = start(folder, rows=8).total
    entries = fill(folder, "good", *["bad"] * 7)
    before = audit(folder)
    assert decide(folder, before.verdicts) == [entries[0]["id"]]
    verdict = decide_again(folder, SelectionSettings())
    assert verdict.dropped == total - 1
    assert audit(folder) == before
    assert bar_dropped(scored(folder)) != bar_dropped(scored(folder), before.verdicts)
    # Judged again: the decision is taken back.
    fill(folder, *["bad"] * 8)
    assert decide(folder, audit(folder).verdicts) == []
    assert decisions(folder) == []
    assert decide_again(folder, SelectionSettings()).dropped == total


def test_an_owners_own_line_stands(folder):
    start(folder, rows=8)
    entries = fill(folder, "good", "good", *["bad"] * 6)
    own = f'{{"id":"{entries[0]["id"]}",  "decision":"drop", "why":"withdrawn"}}'
    (folder / "decisions.jsonl").write_text(own + "\n\n")
    assert decide(folder, audit(folder).verdicts) == [entries[1]["id"]]
    assert (folder / "decisions.jsonl").read_text().splitlines()[0] == own
    assert [line["id"] for line in decisions(folder)] == [entries[0]["id"], entries[1]["id"]]
    written = (folder / "decisions.jsonl").stat().st_mtime_ns
    decide(folder, audit(folder).verdicts)
    assert (folder / "decisions.jsonl").stat().st_mtime_ns == written
    decide_again(folder, SelectionSettings())  # the owner's drop is no longer the bar's, but its verdict still counts
    assert audit(folder).number("good") == 2


def test_another_bar_makes_the_sample_useless_and_says_so(folder):
    start(folder, rows=8)
    fill(folder, *["bad"] * 8)
    assert "at most" in Page(write_owner_report(folder)).sections["audit"]
    decide_again(folder, SelectionSettings(alpha=0.02))
    with pytest.raises(AuditError, match="move the file away"):
        audit(folder)
    assert "cannot be used" in Page(write_owner_report(folder)).sections["audit"]


def test_the_page_says_what_a_sample_buys_and_then_what_it_found(folder):
    total = len(bar_dropped(scored(folder)))
    before = Page(write_owner_report(folder)).sections["audit"]
    assert f"draws {total} rows at random from the {total} rows" in before  # fewer than 30
    scores, anchors = scored(folder), json.loads((folder / "anchors.json").read_text())["n"]
    bound = most_good(float(scores["p"][~scores.keep].max()), anchors, len(scores)) / total
    assert bound > 0
    assert f"at most {100 * min(1, bound):.0f} % of the dropped rows are good" in before.replace("\u00a0", " ")
    start(folder, rows=8)
    assert f"8 rows of the {total} that the bar dropped" in Page(write_owner_report(folder)).sections["audit"]
    fill(folder, *["bad"] * 6)
    after = Page(write_owner_report(folder)).sections["audit"].replace("\u00a0", " ")
    assert "0 good and 6 bad; 2 not yet" in after
    assert f"at most {100 * most(2, 8, total) / total:.1f} %" in after

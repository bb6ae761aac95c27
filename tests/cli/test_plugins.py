"""Scorers and criteria of installed packages: those of docs/PLUGINS.md as they stand there, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from clues.cli.main import main
from clues.config import ModelSettings, ScoringSettings
from clues.data.prepare import prepare
from clues.errors import SettingError
from clues.federated.run import check_folder
from clues.folders.run import RunFolder
from clues.models.base import load_base
from clues.plugins import find
from clues.scoring.criteria import Criterion, criteria_named
from clues.scoring.passes import row_nll
from tests.cli.conftest import FULL, TINY, given
from tests.helpers.markup import Page
from tests.helpers.plugins import documented, install, project
from tests.helpers.tiny import tiny_job

OURS = ("fluency", "relevance", "completeness", "novelty")
FIVE = f"scoring.criteria={json.dumps([*OURS, 'shouting'])}"

PICKY = """
import numpy as np
from clues.scoring.scorer import Scorer

def prepare(context):
    def score(rows, advance):
        texts = [row.response for row in rows.rows]
        return np.array([np.nan if WORD in text else len(text) for text in texts])
    return score

picky = Scorer("picky", "base", prepare)
"""


def numbers(out):
    table = pq.read_table(out / "scores.parquet").to_pandas()
    return table[table["status"] == "scored"]


def test_the_scorer_of_the_page(clues, files, checkpoint, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, *documented("A scorer"))
    out = tmp_path / "out"
    called = clues(
        *("score", *given(files, out), "--model", checkpoint("gpt2"), "--scorer", "typical", *TINY, "--rule", "ratio")
    )
    assert called.code == 0, called.err
    rows = numbers(out)
    lm = load_base(ModelSettings(str(checkpoint("gpt2")), precision="float32"))
    mine, validation = (
        row_nll(lm, prepare(files / f"{n}.jsonl", lm.tokenizer, 512).encoded) for n in ("mine", "validation")
    )
    assert rows["typical.score"].to_numpy() == pytest.approx(-np.abs(mine - np.median(validation)), abs=1e-5)
    assert "are below the anchors in typical" in called.out
    assert "below the anchors in typical" in Page(out / "report.html").text
    assert clues("select", out, "--ratio", "1", "--json").facts["kept"] == 13


def test_a_row_without_a_score_is_set_aside_and_counted(clues, files, checkpoint, tmp_path, monkeypatch):
    code = PICKY.replace("WORD", repr("thirst"))
    install(tmp_path / "site", monkeypatch, "picky", code, project("p", "clues.scorers", {"picky": "picky:picky"}))
    out = tmp_path / "out"
    anchors = tmp_path / "anchors.jsonl"
    lines = [line for line in (files / "anchors.jsonl").read_text().splitlines() if "thirst" not in line]
    anchors.write_text("\n".join(lines) + "\n")
    public = [anchors if token == files / "anchors.jsonl" else token for token in given(files, out)]
    options = ("--model", checkpoint("gpt2"), "--scorer", "picky", *TINY, "--rule", "ratio", "--json")
    called = clues("score", *public, *options)
    assert called.code == 0, called.err
    without = [i for i, line in enumerate((files / "mine.jsonl").read_text().splitlines()[:13], 1) if "thirst" in line]
    assert without
    assert called.facts["rows"] == 13 - len(without) == called.facts["kept"] + called.facts["dropped"]
    assert called.facts["set_aside"] == 2 + len(without)
    aside = [json.loads(line) for line in (out / "set_aside.jsonl").read_text().splitlines()]
    assert [item["line"] for item in aside] == sorted([*without, 14, 15])
    assert {item["reason"] for item in aside if item["line"] in without} == {"the scorer picky gives it no score"}
    assert "thirst" not in (out / "kept.jsonl").read_text() + (out / "dropped.jsonl").read_text()
    assert "the scorer picky gives it no score" in Page(out / "report.html").sections["aside"]
    again = clues("select", out, "--ratio", "1", "--json")
    assert (again.facts["kept"], again.facts["set_aside"]) == (13 - len(without), 2 + len(without))


def test_an_anchor_without_a_score_is_an_error(clues, files, checkpoint, tmp_path, monkeypatch):
    code = PICKY.replace("WORD", repr("206 patients"))
    install(tmp_path / "site", monkeypatch, "picky", code, project("p", "clues.scorers", {"picky": "picky:picky"}))
    command = ("score", *given(files, tmp_path / "out"), "--model", checkpoint("gpt2"), "--scorer", "picky", *TINY)
    called = clues(*command)
    assert called.code == 2
    assert "anchors.jsonl:7: the scorer picky gives this anchor no score" in called.err


@pytest.fixture(scope="module")
def shouted(files, checkpoint, tmp_path_factory):
    """A file scored with the criterion of the page beside ours; the package is gone afterwards."""
    folder = tmp_path_factory.mktemp("shouted")
    with pytest.MonkeyPatch.context() as patch:
        install(folder / "site", patch, *documented("A criterion"))
        command = ("score", *given(files, folder / "out"), "--model", checkpoint("llama"), *FULL, "--set", FIVE)
        assert main([str(token) for token in (*command, "--rule", "ratio", "-q")]) == 0
        dry = [folder / "dry" if token == folder / "out" else token for token in (*command, "--dry-run")]
        assert main([str(token) for token in dry]) == 0
    return folder / "out"


def test_the_criterion_of_the_page_counts_like_ours(shouted):
    rows = numbers(shouted)
    evidence = rows[[f"evidence_{name}" for name in (*OURS, "shouting")]].to_numpy()
    assert np.isfinite(evidence).all()
    assert rows["statistic"].to_numpy() == pytest.approx(evidence.min(1))
    both = rows[["shouting.gradient@1", "shouting.gradient@2"]].to_numpy()
    assert rows["shouting.gradient"].to_numpy() == pytest.approx(both.mean(1), rel=1e-5)
    bar = json.loads((shouted / "anchors.json").read_text())
    assert bar["criteria"]["shouting"] == ["shouting.gradient"]
    for public in ("good", "spoiled/shouting"):
        assert len(bar["bar"][f"{public}/shouting.gradient"]) == 6
    assert "How does it do in shouting?" in Page(shouted / "report.html").sections["bar"]


def test_ours_are_not_touched_by_one_more(shouted, fully_scored):
    with_it, without = numbers(shouted), numbers(fully_scored)
    assert "shouting.gradient" not in without.columns
    for name in ("relevance.gradient@2", *(f"{value}_{name}" for value in ("evidence", "p") for name in OURS)):
        assert with_it[name].to_numpy() == pytest.approx(without[name].to_numpy(), rel=1e-4, abs=1e-6), name


def test_select_and_new_rows_need_no_package(shouted, clues, files, tmp_path):
    with pytest.raises(SettingError, match="no criterion 'shouting'"):
        criteria_named(["shouting"])
    new = clues("score", files / "mine.jsonl", "--like", shouted, "--output", tmp_path / "new")
    assert new.code == 0, new.err
    before, after = numbers(shouted), numbers(tmp_path / "new")
    assert before["evidence_shouting"].to_numpy() == pytest.approx(after["evidence_shouting"].to_numpy(), rel=1e-3)
    select = clues("select", tmp_path / "new", "--ratio", "0.3", "--json")
    assert select.facts["kept"] == round(0.3 * 13)


def test_some_of_ours_alone(clues, files, checkpoint, tmp_path):
    out = tmp_path / "out"
    two = ("--set", 'scoring.criteria=["completeness", "fluency"]')
    called = clues("score", *given(files, out), "--model", checkpoint("llama"), *FULL, *two)
    assert called.code == 0, called.err
    names = [c for c in numbers(out).columns if c.startswith("evidence_")]
    assert names == ["evidence_fluency", "evidence_completeness"]


def test_a_federation_refuses_both(tmp_path):
    job = tiny_job(tmp_path)
    for changed in ({"scorer": "less"}, {"criteria": ("fluency", "shouting")}):
        other = replace(job, scoring=replace(job.scoring, **changed))
        with pytest.raises(SettingError, match="leave them out for a federation"):
            check_folder(other, RunFolder(tmp_path / "run"), resume=False)


CODE = """
from clues.scoring.channel import Channel
from clues.scoring.criteria import Criterion

def same(text, rng):
    return text

same_again = Criterion("same", same)
fluency = Criterion("fluency", same)
owner = Criterion("owner", same)
deep = Criterion("deep", same, layers=(0.5, 2.0))
wide = Criterion("wide", same, channels=(Channel("fluency", "forward"),))
other_name = Criterion("unlike", same)
number = 3
"""
POINTS = {name: f"odd:{name}" for name in ("fluency", "owner", "deep", "wide", "number", "gone")}
POINTS |= {"same": "odd:same_again", "other": "odd:other_name", "lost": "lost:lost"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["fluency"], r"2 packages have a criterion 'fluency': clues, odd-ones \(odd:fluency\)"),
        (["owner"], "'owner' cannot be a criterion's name"),
        (["deep"], r"layers are \(0.5, 2.0\)"),
        (["wide"], "leave channels out"),
        (["other"], "'other' of odd-ones .* calls itself 'unlike'"),
        (["number"], "is a int; a clues Criterion is needed"),
        (["gone"], "cannot be imported: .*gone"),
        (["lost"], "cannot be imported: No module named 'lost'"),
        (["nobody"], "no criterion 'nobody'; there are completeness, deep, fluency, gone"),
        ([], "at least one is needed"),
        (["same", "same"], "each once"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, monkeypatch, names, message):
    install(tmp_path, monkeypatch, "odd", CODE, project("odd-ones", "clues.criteria", POINTS))
    with pytest.raises(SettingError, match=message):
        criteria_named(names)


def test_channels_decide_which_criteria_there_can_be(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "odd", CODE, project("odd-ones", "clues.criteria", {"same": "odd:same_again"}))
    with pytest.raises(SettingError, match="the criterion same has a gradient channel alone"):
        criteria_named(["fluency", "same"], "forward")
    found = criteria_named(["same", "completeness", "fluency"])
    assert [c.name for c in found] == ["fluency", "completeness", "same"]
    assert found[2].columns == ("same.gradient",)
    assert found[2].layer_range(30) == range(30)
    assert [c.name for c in criteria_named(ScoringSettings().criteria)] == [*OURS, "label"]
    assert find("clues.criteria", "same", {}, Criterion).layers is None


def test_a_criterion_that_spoils_no_answer_is_left_out_and_named(clues, files, checkpoint, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, "odd", CODE, project("odd", "clues.criteria", {"same": "odd:same_again"}))
    command = ("score", *given(files, tmp_path / "out"), "--model", checkpoint("llama"), *FULL)
    called = clues(*command, "--set", 'scoring.criteria=["relevance", "same"]')
    assert called.code == 0
    assert "note: No row is judged by same: fewer than 4 public validation rows can be spoiled for it." in called.out
    again = ("score", *given(files, tmp_path / "alone"), "--model", checkpoint("llama"), *FULL)
    alone = clues(*again, "--set", 'scoring.criteria=["same"]')
    assert alone.code == 2
    assert "too few can be spoiled for any criterion: for same 0" in alone.err
    assert not (tmp_path / "alone").exists()

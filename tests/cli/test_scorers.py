"""`clues score --scorer`: every scorer from the file to the page, on tiny models."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from clues.baselines.less import Less
from clues.baselines.scorers import SCORERS
from clues.cli.main import main
from clues.config import AdapterSettings, ModelSettings
from clues.data.prepare import prepare
from clues.folders.owner import OwnerFolder
from clues.models.adapters import add_adapter, load_adapter_state
from clues.models.base import load_base
from clues.owner.scored_rows import ScoredRows
from clues.scoring.passes import gradient_pass
from clues.scoring.published import validation_moments
from clues.scoring.store import load_channels
from tests.cli.conftest import FULL, TINY, given
from tests.cli.test_score import snapshot
from tests.helpers.markup import Page

BASE = [name for name, scorer in SCORERS.items() if scorer.at == "base"]


def table(out):
    rows = pq.read_table(out / "scores.parquet").to_pandas()
    return rows[rows["status"] == "scored"]


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_from_the_file_to_the_page(clues, files, checkpoint, tmp_path, name):
    out = tmp_path / "out"
    settings = TINY if name in BASE else FULL
    kind = "gpt2" if name in BASE else "llama"  # whose layers the adapter's default does not name
    command = ("score", *given(files, out), "--model", checkpoint(kind), "--scorer", name, *settings)
    called = clues(*command, "--alpha", "0.3")
    assert called.code == 0, called.err
    assert ("warm-up" in called.err) == (name not in BASE) == (out / "warm-up").exists()
    rows, channel = table(out), f"{name}.score"
    assert len(rows) == 13
    anchors = json.loads((out / "anchors.json").read_text())
    x, a = rows[channel].to_numpy(), np.array(anchors["channels"][channel])
    assert len(a) == 8
    by_hand = [(1 + (a <= value).sum()) / 9 for value in x]
    assert rows["p"].to_numpy() == pytest.approx(by_hand)
    assert rows["keep"].tolist() == [p > 0.3 for p in by_hand]
    spread = a.std() or 1.0
    assert rows["statistic"].to_numpy() == pytest.approx((x - a.mean()) / spread, abs=1e-9)
    assert set(rows["reason"]) <= {"", name}
    if name not in BASE:
        both = rows[[f"{channel}@1", f"{channel}@2"]].to_numpy()
        assert x == pytest.approx(both.mean(1), rel=1e-5)
    assert {"cut", "exchange"} <= set(json.loads((out / "power.json").read_text())["kinds"])
    page = Page(out / "report.html")
    assert f"<dt>Scorer</dt><dd>{name}</dd>" in page.source
    assert "standard deviations" in page.sections["bar"]
    assert "spoiled for this criterion" not in page.text
    if (~rows["keep"].astype(bool)).any():
        assert f"below the anchors in {name}" in page.text
        assert f"below the anchors in {name}" in called.out
    assert ScoredRows.load(OwnerFolder(out)).channels.keys() == {c for c in rows.columns if c.startswith(channel)}


@pytest.fixture(scope="module")
def earlier(files, checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("earlier") / "out"
    command = ("score", *given(files, out), "--model", checkpoint("llama"), "--scorer", "less", *FULL)
    assert main([str(token) for token in (*command, "-q")]) == 0
    return out, command


@pytest.fixture
def scored(earlier, tmp_path):
    """A copy of a scored folder, and the command that made it."""
    out = shutil.copytree(earlier[0], tmp_path / "out")
    return out, [out if token == earlier[0] else token for token in earlier[1]]


def test_rows_and_anchors_meet_the_same_scorer_at_each_checkpoint(earlier, files, checkpoint):
    out, _ = earlier
    lm = load_base(ModelSettings(str(checkpoint("llama")), precision="float32"))
    lm = add_adapter(lm, AdapterSettings(), seed=0)
    for number in (1, 2):
        load_adapter_state(lm.model, load_file(out / "warm-up" / f"{number}.safetensors"))
        moments = validation_moments(lm, prepare(files / "validation.jsonl", lm.tokenizer, 512).encoded)
        for name, file in (("rows", "mine"), ("anchors", "anchors")):
            encoded = prepare(files / f"{file}.jsonl", lm.tokenizer, 512).encoded
            expected = gradient_pass(lm, encoded, [Less(moments)])["less"]
            scores = load_channels(out / "channels" / name / f"checkpoint-{number}.parquet")
            assert list(scores) == ["less.score"]
            assert scores["less.score"] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_resume_scores_nothing_twice_and_other_scorers_need_another_folder(scored, clues):
    out, command = scored
    before = snapshot(out)
    again = clues(*command, "--resume")
    assert again.code == 0
    assert "warm-up" not in again.err
    same = [name for name in before if name.endswith((".parquet", ".safetensors", "kept.jsonl"))]
    assert [name for name in same if before[name] != (out / name).read_bytes()] == []
    other = clues(*[token if token != "less" else "datainf" for token in command], "--resume")
    assert other.code == 2
    assert "settings differ" in other.err


def test_a_killed_run_keeps_what_it_scored(scored, clues):
    out, command = scored
    whole = (out / "channels" / "rows" / "checkpoint-2.parquet").read_bytes()
    for part in ("rows", "spoiled"):
        (out / "channels" / part / "checkpoint-2.parquet").unlink()
    anchors = (out / "channels" / "anchors" / "checkpoint-2.parquet").stat().st_mtime_ns
    assert clues(*command, "--resume").code == 0
    assert (out / "channels" / "rows" / "checkpoint-2.parquet").read_bytes() == whole
    assert (out / "channels" / "anchors" / "checkpoint-2.parquet").stat().st_mtime_ns == anchors


@pytest.mark.parametrize("rule", ["conformal", "fdr", "anchor-mean", "ratio", "score"])
def test_all_rules_select_again(scored, clues, rule):
    out, _ = scored
    called = clues("select", out, "--rule", rule, "--json")
    assert called.code == 0
    rows = table(out)
    assert called.facts["kept"] == rows["keep"].sum()
    if rule == "anchor-mean":  # the published rule
        anchors = np.array(json.loads((out / "anchors.json").read_text())["channels"]["less.score"])
        assert rows["keep"].tolist() == (rows["less.score"] >= anchors.mean()).tolist()
    if rule == "ratio":
        assert called.facts["kept"] == round(13 / 2)
    assert Page(out / "report.html").sections["bar"]


def test_rows_to_come_need_the_public_files(scored, clues, files, tmp_path):
    out, _ = scored
    called = clues("score", files / "mine.jsonl", "--like", out, "--output", tmp_path / "new")
    assert called.code == 2
    assert "was scored by less" in called.err
    assert "--scorer less" in called.err
    assert not (tmp_path / "new").exists()


def test_wrong_names_and_settings_take_no_folder(clues, files, checkpoint, tmp_path):
    command = ("score", *given(files, tmp_path / "out"), "--model", checkpoint("llama"), *TINY)
    for more in ((), ("--dry-run",)):
        wrong = clues(*command, "--scorer", "prettiness", *more)
        assert wrong.code == 2
        assert "there are clues, datainf, ifd" in wrong.err
        forward = clues(*command, "--scorer", "less", "--channels", "forward", *more)
        assert forward.code == 2
        assert "leave out scoring.channels" in forward.err
        criteria = clues(*command, "--set", 'scoring.criteria=["fluency", "beauty"]', *more)
        assert criteria.code == 2
        assert "no criterion 'beauty'; there are completeness, fluency, label, novelty, relevance" in criteria.err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_it_counts(clues, files, checkpoint, tmp_path):
    command = ("score", *given(files, tmp_path / "out"), "--model", checkpoint("llama"), *FULL, "--dry-run")
    base, trained = (clues(*command, "--scorer", name, "--json").facts for name in ("length", "less"))
    assert (base["tokens_forward"], base["tokens_forward_and_backward"]) == (0, 0)
    assert "what the scorer length does" in base["uncounted"]
    assert trained["tokens_forward_and_backward"] > 0
    assert "at each of 2 checkpoints" in clues(*command, "--scorer", "less").out
    assert "uncounted" not in clues(*command, "--json").facts

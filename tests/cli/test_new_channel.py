"""A forward channel is one entry: scored, kept, counted and shown without a change anywhere else."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq

from clues.scoring import criteria, forward
from clues.scoring.forward import FORWARD_CHANNELS, ForwardChannel, LogScale
from tests.cli.test_score import TINY, given

BREVITY = ForwardChannel("brevity", lambda row: -np.ones(len(row.conditional)), "novelty", LogScale(-1, 1.0))


def test_a_new_forward_channel_goes_from_the_model_to_the_page(clues, files, checkpoint, tmp_path, monkeypatch):
    command = ("--model", checkpoint("gpt2"), "--channels", "forward", "--rule", "ratio", *TINY)
    assert clues("score", *given(files, tmp_path / "before"), *command).code == 0
    monkeypatch.setattr(forward, "FORWARD_CHANNELS", (*FORWARD_CHANNELS, BREVITY))
    ours = tuple(criteria.seen_both_ways(c.name, str(c.spoiling)) for c in criteria.CRITERIA)
    monkeypatch.setattr(criteria, "OURS", (*ours, criteria.OURS[-1]))
    out = tmp_path / "out"
    called = clues("score", *given(files, out), *command)
    assert called.code == 0, called.err
    before, after = (pq.read_table(tmp_path / n / "scores.parquet").to_pandas().iloc[:13] for n in ("before", "out"))
    assert set(after.columns) - set(before.columns) == {"brevity.forward"}
    assert after["brevity.forward"].tolist() == (-after["tokens"]).tolist()
    assert after["evidence_fluency"].tolist() == before["evidence_fluency"].tolist()
    assert (after["evidence_novelty"] != before["evidence_novelty"]).all()
    explained = pq.read_table(out / "explanations.parquet")
    assert [-len(terms) for terms in explained["brevity"].to_pylist()] == after["brevity.forward"].tolist()
    anchors = json.loads((out / "anchors.json").read_text())
    assert anchors["criteria"]["novelty"] == ["novelty.forward", "brevity.forward"]
    assert '"source":"brevity","kind":"forward"' in (out / "report.html").read_text()
    assert clues("select", out, "--ratio", "1").code == 0  # from the files alone

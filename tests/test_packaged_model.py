"""The one test on the real pretrained model: from the GGUF file in its package to an owner's verdict."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from clues.config import Job, SampleSettings, ScoringSettings
from clues.data.sample import draw_sample, write_sample
from clues.evaluation.labels import is_clean
from clues.owner.score import score_file
from clues.progress import Progress


@pytest.mark.slow
def test_an_owner_finds_spoiled_answers_with_forward_channels_alone(tmp_path):
    """24 real rows, half of them spoiled: the packaged model alone, untrained, tells most of them apart."""
    settings = SampleSettings(
        clients=("GHR", "NINDS"), rows_per_client=24, validation_rows=12, anchor_rows=24, test_rows=4
    )
    sample = draw_sample(settings, seed=11)
    write_sample(sample, tmp_path)
    output = tmp_path / "out"
    verdict = score_file(
        tmp_path / "clients" / "ghr" / "data.jsonl",
        tmp_path / "public" / "validation.jsonl",
        tmp_path / "public" / "anchors.jsonl",
        output,
        Job(scoring=ScoringSettings(channels="forward")),
        Progress(),
    )
    assert verdict is not None
    table = pq.read_table(output / "scores.parquet").to_pylist()
    clean = [is_clean(row) for row in sample.clients["GHR"]]
    assert roc_auc_score(clean, [row["statistic"] for row in table]) > 0.8
    assert verdict.rows == 24
    power = json.loads((output / "power.json").read_text())["kinds"]
    assert np.mean(np.array(power["cut"]["p"]) <= 0.1) >= 0.5
    assert (output / "report.html").exists()

"""Files that know what is in them: what is written is what is read, and what stands in the file."""

from __future__ import annotations

import dataclasses
import json

import pytest

from clues.data.rows import SetAside
from clues.errors import FolderError
from clues.folders.metrics import JobName, Metrics, ModelMetrics
from clues.folders.owner import OwnerFolder
from clues.folders.run import RunFolder
from clues.statistics.bootstrap import Estimate


def test_set_aside_records(tmp_path):
    items = [SetAside("in.jsonl", 3, "not JSON", '{"ä\udce4'), SetAside("in.jsonl", 9, "the response is empty", "{}")]
    file = OwnerFolder(tmp_path / "new").set_aside
    file.write(items)
    lines = file.path.read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [dataclasses.asdict(item) for item in items]
    assert "ä" in lines[0]


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value, low, high, n=12, documents=3)


@pytest.mark.parametrize("choice", [None, estimate(0.75), estimate(0.75, 0.5, 1.0)])
def test_a_choice_that_was_asked_stands_whole_in_metrics(tmp_path, choice):
    """Its interval is null where one document alone says nothing of spread; one that was not asked leaves nothing."""
    numbers = ModelMetrics.of(estimate(2.5), estimate(12.2), choice)
    written = Metrics(
        job=JobName("demo", 0, "0"),
        version="0",
        date="2026-11-30",
        models={"base": {"federated": numbers}},
        merges={},
        comparisons=(),
        gap_closed={},
    )
    file = RunFolder(tmp_path).metrics
    file.write(written)
    assert file.read() == written
    model = json.loads(file.path.read_text())["models"]["base"]["federated"]
    assert model["test_nll_low"] is None
    asked = {} if choice is None else {"choice_accuracy": 0.75, "choice_low": choice.low, "choice_high": choice.high}
    assert {name: number for name, number in model.items() if name.startswith("choice_")} == asked


def test_a_broken_training_log_is_refused_with_what_to_do(tmp_path):
    file = RunFolder(tmp_path).training
    file.path.write_text('{"schema_version": 1, "arms": {"mixed": {"rounds": 3}}}')
    with pytest.raises(FolderError, match=r"training\.json: arms\.mixed\.rounds: .*; run the job again"):
        file.read()

"""The benchmark measures what it says: the same rows for all, agreement first, tables from the file. No peer needed."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest
import torch
from benchmarks.agreement import DisagreementError, Reference
from benchmarks.contract import Answer, linear_target, trainable
from benchmarks.engines import probe
from benchmarks.peers import loop
from benchmarks.scoring import FLOOR, Measuring, whole_job
from benchmarks.tables import BEGIN, END, put_into, render
from benchmarks.workloads import random_llama

from benchmarks import gpu, measure, scoring

PEERS = ("captum", "dattri", "dattri_llm", "kronfluence", "bergson", "opacus")


@pytest.fixture(scope="module")
def workload():
    return random_llama(rows=3, hidden=64, layers=4, vocabulary=300)


@pytest.fixture(scope="module")
def reference(workload):
    return Reference(workload)


@pytest.fixture
def quick(monkeypatch):
    """Few repeats and batch sizes."""
    monkeypatch.setattr(measure, "REPEATS", 2)
    for module in (scoring, gpu):
        monkeypatch.setattr(module, "BATCH_SIZES", (1, 2))


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("kind", ["one", "job", "default_job"])
def test_our_engine_agrees_with_the_reference(workload, reference, kind, batch_size):
    work = workload.one("AB") if kind == "one" else getattr(workload, kind)()
    found = probe(work, batch_size)()
    assert reference.check(work, found) < 1e-4
    assert (found.likelihoods is not None) == work.likelihoods


def test_the_loop_agrees_and_a_wrong_answer_is_refused(workload, reference):
    work = workload.job()
    found = loop.prepare(work, 1)()
    assert reference.check(work, found) < 1e-4
    with pytest.raises(DisagreementError, match=r"off by 0\.01 from the reference"):
        reference.check(work, Answer(found.scores * 1.01))
    with pytest.raises(DisagreementError):
        reference.check(work, Answer(found.scores * np.nan))


def test_batches_hold_the_same_rows_whoever_makes_them(workload):
    work = workload.one("B")
    for size in (1, 2, 3):
        batches = work.batches(size)
        rows = [ids[mask.bool()] for b in batches for ids, mask in zip(b.input_ids, b.attention_mask, strict=True)]
        assert [tuple(row.tolist()) for row in rows] == [e.input_ids for e in work.encoded]
        assert all(b.input_ids.shape[1] == max(len(work.encoded[i]) for i in b.index) for b in batches)


def test_a_linear_target_has_the_directions_as_its_gradient(workload):
    work = workload.job()
    for k in range(work.count):
        with trainable(list(work.parameters.values())):
            gradients = torch.autograd.grad(
                linear_target(work.lm.model, work.directions, [k]), list(work.parameters.values())
            )
        for gradient, V in zip(gradients, work.directions.weights.values(), strict=True):
            assert torch.allclose(gradient, V[k], atol=1e-6)


@pytest.mark.usefixtures("quick")
def test_a_run_ends_in_tables(workload, monkeypatch, tmp_path):
    monkeypatch.setattr(scoring, "PEERS", ("loop", "nobody"))
    said: list[str] = []
    measuring = Measuring(workload, said.append)
    rows = measuring.table("job")
    results = {
        "workloads": {"random": workload.shape()}, "rows": rows, "excluded": measuring.excluded,
        "whole_jobs": [whole_job(workload, 1, said.append)], "beside_training": [],
    }  # fmt: skip
    assert [r["engine"] for r in rows] == [FLOOR, "probe", "probe default", "probe K=1", "probe K=12", "loop"]
    floor = next(r for r in rows if r["engine"] == FLOOR)
    assert (floor["time_ratio"], floor["flops_ratio"], floor["rel_error"]) == (1, 1, None)
    default = next(r for r in rows if r["engine"] == "probe default")
    assert default["flops_ratio"] < floor["flops_ratio"] < 1.1
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    put_into(page, render(results))
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "real job, fastest peer / ours" in text
    assert "- nobody: ModuleNotFoundError" in text


@pytest.mark.usefixtures("quick")
def test_the_gpu_script_in_miniature():
    results = gpu.measure(gpu.TINY, "cpu")
    assert [r["engine"] for r in results["rows"]] == [FLOOR, "probe", "probe K=3", "loop"]
    assert results["rows"][1]["rel_error"] < 0.05
    assert "CPU" in gpu.table(results)
    assert not set(PEERS) & set(sys.modules)


def test_the_fastest_batch_size_is_chosen_and_hopeless_ones_are_not_tried(monkeypatch):
    tried, said = [], []
    times = {1: 4.0, 4: 2.0, 8: 9.0, 16: 1.0}
    monkeypatch.setattr(measure, "seconds_of", lambda run: times[run()])
    prepare = lambda size: tried.append(size) or partial(int, size)  # noqa: E731
    assert measure.best_batch_size(prepare, (1, 4, 8, 16), said.append) == 4
    assert tried == [1, 4, 8]

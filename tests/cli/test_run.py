"""`clues run` on a tiny job in this process, and what comes after it: report, merge, evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clues.cli.main import main
from tests.cli.conftest import write_rows

JOB = """
name = "tiny"
[model]
name = "{model}"
precision = "float32"
[public]
validation = "validation.jsonl"
anchors = "anchors.jsonl"
test = "test.jsonl"
[[clients]]
name = "north"
data = "north.jsonl"
[[clients]]
name = "south"
data = "south.jsonl"
[training]
rounds = 1
local_steps = 1
[scoring]
checkpoints = [1]
[collaboration]
arms = ["mixed", "clues"]
[evaluation]
choice_rows = 3
bootstrap = 50
"""


@pytest.fixture(scope="module")
def job(files: Path, checkpoint, tmp_path_factory) -> Path:
    """A job file beside its data, in a folder that is not the current one."""
    folder = tmp_path_factory.mktemp("job")
    for name in ("validation", "anchors", "test"):
        (folder / f"{name}.jsonl").write_bytes((files / f"{name}.jsonl").read_bytes())
    write_rows(folder / "north.jsonl", range(500, 506), "no json")
    write_rows(folder / "south.jsonl", range(600, 606))
    (folder / "job.toml").write_text(JOB.format(model=checkpoint("llama")))
    return folder / "job.toml"


@pytest.fixture(scope="module")
def finished(job: Path) -> Path:
    folder = job.parent / "finished"
    assert main(["run", str(job), "--output", str(folder), "--in-process", "--display", "none"]) == 0
    return folder


def test_a_run_ends_with_the_numbers_that_matter(clues, job, finished):
    called = clues("run", job, "--output", finished, "--in-process", "--resume")
    assert called.code == 0
    metrics = json.loads((finished / "metrics.json").read_text())
    for how in ("federated", "merged"):
        assert f"{metrics['models']['clues'][how]['test_nll']:.4f}" in called.out
    assert f"report  {finished / 'report.html'}" in called.out
    assert "of 12 rows kept by the rule conformal" in called.out
    facts = clues("run", job, "--output", finished, "--in-process", "--resume", "--json").facts
    assert facts["schema_version"] == 1
    assert facts["path"] == str(finished / "report.html")
    assert facts["models"]["mixed"]["federated"] == metrics["models"]["mixed"]["federated"]["test_nll"]
    assert facts["rows"] == 12


def test_a_used_folder_is_refused_with_the_command_that_goes_on(clues, job, finished):
    called = clues("run", job, "--output", finished, "--in-process")
    assert called.code == 2
    assert called.err.endswith(f"to go on: clues run {job} --output {finished} --in-process --resume\n")
    other = clues("run", job, "--output", finished, "--in-process", "--resume", "--set", "seed=5")
    assert other.code == 2
    assert "another job" in other.err


def test_a_dry_run_checks_counts_and_writes_nothing(clues, job, tmp_path):
    called = clues("run", job, "--output", tmp_path / "run", "--dry-run", "--json")
    assert called.code == 0
    assert list(tmp_path.iterdir()) == []
    facts = called.facts
    assert {name: (n["rows"], n["set_aside"]) for name, n in facts["clients"].items()} == {
        "north": (6, 1),
        "south": (6, 0),
    }
    assert facts["public"]["anchors"]["rows"] == 8
    assert facts["tokens_forward"] > facts["public"]["test"]["tokens"]
    assert facts["job"]["training"]["rounds"] == 1
    text = clues("run", job, "--output", tmp_path / "run", "--dry-run").out
    assert "north, first row (line 1)" in text
    assert "nothing was written" in text


def test_a_dry_run_finds_a_public_set_that_is_none(clues, job, tmp_path):
    called = clues("run", job, "--set", "public.test=test.csv", "--dry-run", "--output", tmp_path / "run")
    assert called.code == 2
    assert "public.test" in called.err


@pytest.mark.parametrize("wrong", ["public.test=lost.jsonl", "sample.clients=['nobody']"])
def test_a_job_that_cannot_begin_does_not_block_its_folder(clues, job, tmp_path, wrong):
    called = clues("run", job, "--set", wrong, "--in-process", "--output", tmp_path / "run")
    assert called.code == 2
    assert not (tmp_path / "run" / "job.toml").exists()


def test_a_federation_leaves_no_room_for_local_ways(clues, job, tmp_path):
    for local in ("--in-process", "--dry-run"):
        called = clues("run", job, "--federation", "hospitals", local, "--output", tmp_path / "run")
        assert called.code == 2
        assert "leave out --in-process" in called.err
    assert not (tmp_path / "run").exists()


def test_a_client_without_data_belongs_to_a_federation(clues, job, tmp_path):
    (job.parent / "named.toml").write_text(job.read_text().replace('data = "north.jsonl"', ""))
    called = clues("run", job.parent / "named.toml", "--in-process", "--output", tmp_path / "run")
    assert called.code == 2
    assert "the client north has no data" in called.err


def test_the_demo_is_the_packaged_job_with_a_seed(clues, checkpoint, tmp_path):
    small = ["adapter.first_layer=0"] + [
        f"sample.{name}=4" for name in ("rows_per_client", "validation_rows", "anchor_rows", "test_rows", "unseen_rows")
    ]
    settings = [part for setting in [*small, f"model.name={checkpoint('llama')}"] for part in ("--set", setting)]
    called = clues("demo", "--seed", "7", *settings, "--output", tmp_path / "demo", "--dry-run", "--json")
    assert called.code == 0
    assert called.facts["job"]["seed"] == 7
    assert called.facts["job"]["name"] == "demo"
    assert len(called.facts["clients"]) == 4
    assert all(n["rows"] + n["set_aside"] == 4 for n in called.facts["clients"].values())
    assert list(tmp_path.iterdir()) == []


def test_report_tells_a_coordinators_folder_from_an_owners(clues, finished):
    (finished / "report.html").unlink()
    coordinator = clues("report", finished, "--json")
    assert coordinator.facts["kind"] == "coordinator"
    assert (finished / "report.html").is_file()
    owner = finished / "clients" / "north"
    secret = json.loads((finished.parent / "north.jsonl").read_text().splitlines()[0])["answer"]
    assert clues("report", owner, "-q").out == f"{owner / 'report.html'}\n"
    assert secret in (owner / "report.html").read_text()
    bare = owner / "report-without-text.html"
    assert clues("report", owner, "--no-text", "-q").out == f"{bare}\n"
    assert secret not in bare.read_text()


def test_report_opens_the_page_when_asked(clues, finished, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    clues("report", finished)
    assert opened == []
    clues("report", finished, "--open")
    assert opened == [(finished / "report.html").resolve().as_uri()]


def test_merged_adapters_can_be_evaluated(clues, job, finished, checkpoint, tmp_path):
    adapters = [finished / "adapters" / f"{arm}-federated" for arm in ("mixed", "clues")]
    merged = tmp_path / "merged"
    assert clues("merge", *adapters, "--output", merged, "--weights", "3,1", "-q").out == f"{merged}\n"
    again = clues("merge", *adapters, "--output", merged)
    assert again.code == 2
    assert "already holds an adapter" in again.err

    options = ("--model", checkpoint("llama"), "--set", "model.precision=float32", "--set", "evaluation.choice_rows=3")
    asked = [part for adapter in (*adapters, merged) for part in ("--adapter", adapter)]
    called = clues("evaluate", job.parent / "test.jsonl", *options, *asked, "--json")
    assert called.code == 0
    models = called.facts["models"]
    metrics = json.loads((finished / "metrics.json").read_text())["models"]
    assert models["base"]["test_nll"] == pytest.approx(metrics["base"]["federated"]["test_nll"], abs=1e-5)
    for arm, adapter in zip(("mixed", "clues"), adapters, strict=True):
        assert models[str(adapter)]["test_nll"] == pytest.approx(metrics[arm]["federated"]["test_nll"], abs=1e-5)
    assert models[str(merged)]["test_nll"] != pytest.approx(models["base"]["test_nll"], abs=1e-6)
    assert 0 <= models["base"]["choice_accuracy"] <= 1
    assert models["base"]["test_nll_low"] < models["base"]["test_nll"] < models["base"]["test_nll_high"]
    assert [(c["measure"], c["n"]) for c in called.facts["comparisons"]] == [
        ("test_nll", 8),
        ("choice_accuracy", 3),
    ] * 3
    assert models["base"]["perplexity_low"] < models["base"]["perplexity"] < models["base"]["perplexity_high"]
    text = clues("evaluate", job.parent / "test.jsonl", *options, "--adapter", merged)
    assert "8 rows of 8 documents" in text.out
    assert f"{models['base']['test_nll']:.4f}" in text.out
    assert "evaluate: done in" in text.err


def test_an_adapter_of_another_model_is_refused(clues, job, finished, checkpoint):
    adapter = finished / "adapters" / "mixed-federated"
    for kind in ("gpt2", "mistral"):
        called = clues("evaluate", job.parent / "test.jsonl", "--model", checkpoint(kind), "--adapter", adapter)
        assert called.code == 2
        assert f"{adapter}: not an adapter for this model" in called.err


def test_without_enough_answers_the_choice_can_be_left_out(clues, checkpoint, tmp_path):
    test = write_rows(tmp_path / "test.jsonl", range(2))
    options = ("--model", checkpoint("llama"), "--set", "model.precision=float32")
    called = clues("evaluate", test, *options)
    assert called.code == 2
    assert "evaluation.choice_rows=0" in called.err
    without = clues("evaluate", test, *options, "--set", "evaluation.choice_rows=0")
    assert without.code == 0
    assert "not measured" in without.out

"""A whole run on a tiny random model and a few real answers, small enough for a test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from clues.config import (
    AdapterSettings,
    ClientSettings,
    EvaluationSettings,
    Job,
    ModelSettings,
    PublicSettings,
    SampleSettings,
    ScoringSettings,
    TrainingSettings,
)
from clues.data.sample import draw_sample, write_sample
from tests.conftest import build_tiny_model, train_tokenizer

SOURCES = ("GHR", "GARD")


def save_model(folder: Path) -> Path:
    """A tiny Llama in the hub's own format."""
    tokenizer = train_tokenizer()
    build_tiny_model("llama", tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_job(folder: Path, **changes) -> Job:
    """Two clients of 10 rows, 12 anchors, two rounds; the model is saved under `folder`."""
    job = Job(
        name="tiny",
        model=ModelSettings(name=str(save_model(folder / "model")), precision="float32"),
        adapter=AdapterSettings(rank=2, alpha=4),
        sample=SampleSettings(
            clients=SOURCES,
            unseen_source="NIDDK",
            rows_per_client=10,
            validation_rows=4,
            anchor_rows=12,
            test_rows=8,
            unseen_rows=4,
        ),
        training=TrainingSettings(rounds=2, local_steps=2, batch_size=2, learning_rate=1e-2),
        scoring=ScoringSettings(checkpoints=(1, 2)),
        evaluation=EvaluationSettings(choice_rows=4, bootstrap=50),
    )
    return replace(job, **changes)


def with_files(job: Job, folder: Path, labels: bool = True) -> Job:
    """The same rows as files of the clients' own, as in a real federation: no sample is drawn by the run."""
    sample = draw_sample(job.sample, job.seed)
    write_sample(sample, folder)
    clients = []
    for source in job.sample.clients:
        file = folder / "clients" / source.lower() / "data.jsonl"
        if not labels:
            records = [json.loads(line) for line in file.read_text().splitlines()]
            file.write_text("".join(json.dumps(_without_label(r), ensure_ascii=False) + "\n" for r in records))
        clients.append(ClientSettings(source.lower(), str(file)))
    public = {name: str(folder / "public" / f"{name}.jsonl") for name in ("validation", "anchors", "test")}
    return replace(job, sample=SampleSettings(), clients=tuple(clients), public=PublicSettings(**public))


def _without_label(record: dict) -> dict:
    return {key: value for key, value in record.items() if key != "clues_label"}


def comparable(metrics: dict) -> dict:
    """Metrics without what differs between two runs that did the same."""
    return {key: value for key, value in metrics.items() if key not in ("seconds", "date", "job")}

"""A whole run on a tiny random model and a few real answers, small enough for a test."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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
from clues.folders.run import RunFolder
from tests.conftest import build_tiny_model, train_tokenizer

SOURCES = ("GHR", "GARD")


def save_model(folder: Path, seed: int = 0) -> Path:
    """A tiny Llama in the hub's own format."""
    tokenizer = train_tokenizer()
    build_tiny_model("llama", tokenizer, seed).save_pretrained(folder)
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
        scoring=ScoringSettings(checkpoints=(1, 2), published=True),
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
    validation, anchors, test = (str(RunFolder(folder).public(name)) for name in ("validation", "anchors", "test"))
    public = PublicSettings(validation, anchors, test)
    return replace(job, sample=SampleSettings(), clients=tuple(clients), public=public)


def _without_label(record: dict) -> dict:
    return {key: value for key, value in record.items() if key != "clues_label"}


def phrases(rows: Iterable[Path], public: Iterable[Path]) -> list[bytes]:
    """Every five words in sequence of the clients' rows that are in no public file: what must not leave a client."""
    found: dict[bytes, None] = {}
    for line in (line for file in rows for line in file.read_text().splitlines()):
        record = json.loads(line)
        words = f"{record['question']} {record['answer']}".split()
        found |= dict.fromkeys(" ".join(words[i : i + 5]).encode() for i in range(len(words) - 4))
    known = b"".join(file.read_bytes() for file in public)
    return [phrase for phrase in found if phrase not in known]


def comparable(metrics: dict) -> dict:
    """Metrics without what differs between two runs that did the same."""
    return {key: value for key, value in metrics.items() if key not in ("seconds", "date", "job")}


def assert_same_numbers(folder: Path, reference: Path) -> None:
    """Two runs of one job: all of their metrics to 1e-3, and the same counts."""
    ours, theirs = (_leaves(comparable(json.loads((f / "metrics.json").read_text()))) for f in (folder, reference))
    assert ours == pytest.approx(theirs, abs=1e-3)
    counts, expected = (json.loads((f / "selection.json").read_text()) for f in (folder, reference))
    assert counts == expected


def _leaves(tree: Any, path: str = "") -> dict[str, Any]:
    """The numbers and words of nested dictionaries and lists, by their path."""
    if not isinstance(tree, (dict, list)):
        return {path: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {name: leaf for key, part in items for name, leaf in _leaves(part, f"{path}/{key}").items()}

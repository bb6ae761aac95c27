"""A run folder with invented numbers: whatever can be is written by the functions that write a real run's files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tomli_w

from clues.config import (
    ClientSettings,
    CollaborationSettings,
    Job,
    PublicSettings,
    SampleSettings,
    ScoringSettings,
    SelectionSettings,
)
from clues.disk.writing import write_json
from clues.evaluation.selection import every_rule, measure_run
from clues.owner.decide import Verdict, anchors_file, judge
from clues.owner.scores import ScoredRows
from clues.scoring.channel_folder import explanation_table
from clues.selection.bar import Bar
from tests.helpers.fake_numbers import events, metrics, training
from tests.helpers.fake_rows import ANCHORS, HOSTILE, Shape, make_bar, write_file

__all__ = ["HOSTILE", "Shape", "write_run"]

RESAMPLES = 50
USUAL = Shape()
CAUGHT = {"cut": 14, "deletion": 15, "exchange": 12, "repetition": 13}


def write_run(folder: Path, shape: Shape = USUAL) -> Path:
    """Everything `runs/<name>/` holds before its pages are made; returns the folder."""
    rng = np.random.default_rng(0)
    job, bar = make_job(shape), make_bar(shape, rng)
    verdicts = {name: _write_client(folder / "clients" / name, bar, job, shape, rng) for name in shape.clients}
    write_json(anchors_file(bar, job.selection), folder / "anchors.json")
    write_json(_selection(verdicts, job.selection, shape), folder / "selection.json")
    found = metrics(job, shape)
    if shape.labels:
        rules = every_rule(job.selection, np.array(json.loads((folder / "anchors.json").read_text())["statistic"]))
        found["selection"] = measure_run(folder, job.selection.rule, rules, RESAMPLES)
    write_json(found, folder / "metrics.json")
    if shape.training:
        write_json(training(rng, shape), folder / "training.json")
    (folder / "job.toml").write_text(tomli_w.dumps(job.to_dict()))
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events()))
    return folder


def make_job(shape: Shape) -> Job:
    """A drawn sample where the damage is known, else the clients' own files."""
    job = Job(
        name="fake",
        selection=SelectionSettings(alpha=shape.alpha),
        scoring=ScoringSettings(channels="full" if shape.channels == "full" else "forward"),
        collaboration=CollaborationSettings(equal_epochs=shape.epochs),
    )
    if shape.labels:
        return replace(job, sample=SampleSettings(clients=shape.clients, unseen_source="CancerGov"))
    own = tuple(ClientSettings(name.lower(), f"{name}.jsonl") for name in shape.clients)
    return replace(job, clients=own, public=PublicSettings("validation.jsonl", "anchors.jsonl", "test.jsonl"))


def _write_client(folder: Path, bar: Bar, job: Job, shape: Shape, rng: np.random.Generator) -> Verdict:
    folder.mkdir(parents=True)
    file = write_file(folder / "data.jsonl", folder.name, shape, rng)
    overlap = {"anchors": {"exact": 0, "near": 0, "prompt": 0}}
    about = {"name": folder.name, "job": job.hash, "model": "packaged", "overlap": overlap}
    if shape.explanations:
        pq.write_table(explanation_table(file.prepared, file.forward), folder / "explanations.parquet")
    if shape.power:
        kinds = {kind: {"p": [shape.alpha / 2] * n + [1.0] * (16 - n)} for kind, n in CAUGHT.items()}
        write_json({"kinds": kinds}, folder / "power.json")
    return judge(folder, ScoredRows.of(file.source, file.prepared, file.channels), bar, job.selection, about)


def _selection(verdicts: dict[str, Verdict], settings: SelectionSettings, shape: Shape) -> dict[str, Any]:
    clients = {name: asdict(verdict) | {"overlap": 0} for name, verdict in verdicts.items()}
    for counts in clients.values():
        del counts["set_aside"]
        if shape.counts:
            counts |= {"set_aside": 1, "duplicates": 0, "truncated": 1}
    found = {**asdict(settings), "anchors": ANCHORS, "clients": clients}
    unseen = {"unseen": {"source": "CancerGov", "rows": 24, "kept": 21}}
    return found | (unseen if shape.unseen and shape.labels else {})

"""A run folder with invented numbers: whatever can be is written by the functions that write a real run's files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

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
from clues.folders.bar import StoredBar
from clues.folders.owner import OwnerFolder
from clues.folders.power import KindPower, Power
from clues.folders.run import RunFolder
from clues.folders.selection import ClientCounts, SelectionSummary, Unseen
from clues.folders.summary import Decisions, Origin
from clues.owner.decide import decide
from clues.owner.scored_rows import ScoredRows
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
    decisions = {name: _write_client(folder / "clients" / name, bar, job, shape, rng) for name in shape.clients}
    run = RunFolder(folder)
    run.anchors.write(StoredBar.of(bar, job.selection))
    run.selection.write(_selection(decisions, job.selection, shape))
    found = metrics(job, shape)
    if shape.labels:
        rules = every_rule(job.selection, np.array(run.anchors.read().statistic))
        found["selection"] = asdict(measure_run(folder, job.selection.rule, rules, RESAMPLES))
    write_json(found, folder / "metrics.json")
    if shape.training:
        write_json(training(rng, shape), folder / "training.json")
    run.job.write(job)
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


def _write_client(folder: Path, bar: Bar, job: Job, shape: Shape, rng: np.random.Generator) -> Decisions:
    folder.mkdir(parents=True)
    file, own = write_file(folder / "data.jsonl", folder.name, shape, rng), OwnerFolder(folder)
    origin = Origin(folder.name, job.hash, "packaged", {"anchors": {"exact": 0, "near": 0, "prompt": 0}})
    if shape.explanations:
        pq.write_table(explanation_table(file.prepared, file.forward), own.explanations.path)
    if shape.power:
        kinds = {kind: KindPower((*[shape.alpha / 2] * n, *[1.0] * (16 - n))) for kind, n in CAUGHT.items()}
        own.power.write(Power(kinds))
    return decide(own, ScoredRows.of(file.source, file.prepared, file.channels), bar, job.selection, origin)


def _selection(decisions: dict[str, Decisions], settings: SelectionSettings, shape: Shape) -> SelectionSummary:
    told = {"set_aside": 1, "duplicates": 0, "truncated": 1} if shape.counts else {}
    clients = {
        name: ClientCounts(each.rows, each.kept, each.dropped, each.reasons, overlap=0, **told)
        for name, each in decisions.items()
    }
    unseen = Unseen("CancerGov", 24, 21) if shape.unseen and shape.labels else None
    return SelectionSummary(settings, ANCHORS, clients, unseen)

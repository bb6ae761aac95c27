"""A real deployment: SuperLink and SuperNodes with TLS and keys, in processes of their own, on the loopback."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from clues.config import ClientSettings, Job, PublicSettings
from clues.federated.deployment import job_for_clients, start_run, wait_for_run, write_bundle
from tests.federated.loopback import CONNECTION, federation

TOYS = "tests.federated.toy_apps"
REPOSITORY = Path(__file__).parents[2]


def test_the_bundle_holds_the_job_and_no_path_of_the_server(tmp_path: Path) -> None:
    public = PublicSettings(anchors="/srv/secret/anchors.jsonl")
    job = Job(name="trial", public=public, clients=(ClientSettings("north", "/srv/secret/north.jsonl"),))
    bundle = write_bundle(tmp_path / "bundle", job)
    assert [file.name for file in bundle.iterdir()] == ["pyproject.toml"]
    text = (bundle / "pyproject.toml").read_text()
    assert "trial" in text
    assert "north" in text
    assert "secret" not in text


def test_the_job_for_clients_differs_in_paths_alone() -> None:
    job = Job(seed=3, clients=(ClientSettings("north", "/x"),), public=PublicSettings("/v", "/a", "/t"))
    assert dataclasses.replace(job_for_clients(job), public=job.public, clients=job.clients) == job


@pytest.mark.slow
def test_toy_clients_behind_tls_and_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))  # where Flower's processes find the toy apps
    run_folder = tmp_path / "server" / "run"
    run_folder.mkdir(parents=True)
    rows = {name: tmp_path / name / "data.jsonl" for name in ("north", "south")}
    with federation(tmp_path, run_folder, rows) as loopback:
        bundle = write_bundle(tmp_path / "bundle", Job(name="trial"), f"{TOYS}:server", f"{TOYS}:client")
        run = start_run(loopback.home, CONNECTION, bundle)
        wait_for_run(loopback.home, CONNECTION, run)
    seen = json.loads((run_folder / "seen.json").read_text())
    assert seen["job"] == "trial"
    assert seen["sums"] == {"north": 12.0, "south": 12.0}, "six entries of 1, and each client added one to each"
    assert seen["errors"] == {"north": "internal", "south": ""}

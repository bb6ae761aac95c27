"""A real deployment: SuperLink and SuperNodes with TLS and keys, in processes of their own, on the loopback."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import tomli_w

from clues.cli.main import main
from clues.config import ClientSettings, Job, PublicSettings, ScoringSettings, SelectionSettings, TrainingSettings
from clues.federated.engines.control import start_run, wait_for_run
from clues.federated.engines.deployment import job_for_clients, write_bundle
from clues.federated.run import run_job
from clues.progress import Progress
from tests.helpers.loopback import CONNECTION, federation
from tests.helpers.tiny import assert_same_numbers, phrases, tiny_job, with_files

TOYS = "tests.helpers.toy_apps"
REPOSITORY = Path(__file__).parents[3]


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


@pytest.mark.slow
@pytest.mark.usefixtures("never_worse_than_chance")  # as the other processes have it
def test_the_whole_job_behind_tls_and_keys_gives_the_in_process_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = whole_job(tmp_path)
    run_job(job, tmp_path / "in-process", Progress(), engine="in-process")
    rows = {client.name: move(Path(client.data), tmp_path / client.name) for client in job.clients}
    clients = tuple(ClientSettings(name) for name in rows)
    server = tmp_path / "server"
    server.mkdir()
    (server / "job.toml").write_text(tomli_w.dumps(dataclasses.replace(job, clients=clients).to_dict()))
    with federation(tmp_path, server / "run", rows, model=job.model.name) as loopback:
        monkeypatch.setenv("FLWR_HOME", str(loopback.home))
        command = ["run", str(server / "job.toml"), "--output", str(server / "run"), "--federation", CONNECTION]
        assert main([*command, "--display", "plain"]) == 0
        assert "warm-up: done in" in capsys.readouterr().err, "the server's progress is shown"
        assert main([*command, "--resume", "-q"]) == 0, "a finished run is done"
        assert capsys.readouterr().out == f"{server / 'run' / 'report.html'}\n"
    assert_same_numbers(server / "run", tmp_path / "in-process")
    counts = json.loads((server / "run" / "selection.json").read_text())["clients"]
    assert all(client["kept"] == client["rows"] > 0 for client in counts.values()), "a tiny model sees nothing"
    private = phrases(rows.values(), Path(job.public.anchors).parent.iterdir())
    assert len(private) > 300
    for name in rows:
        assert {"scores.parquet", "report.html"} <= {file.name for file in (tmp_path / name / "results").iterdir()}
        assert found(private, tmp_path / name / "results")
    assert not found(private, server)
    assert not found(private, tmp_path / "logs")


def whole_job(folder: Path) -> Job:
    """The tiny job with rows in files, one round long for each message is a process of its own; half is dropped."""
    short = {"training": TrainingSettings(rounds=1, local_steps=4, batch_size=2, learning_rate=1e-2)}
    rest = {"scoring": ScoringSettings(checkpoints=(1,)), "selection": SelectionSettings(rule="ratio")}
    return with_files(tiny_job(folder, **short, **rest), folder / "drawn")


def move(file: Path, folder: Path) -> Path:
    folder.mkdir()
    return file.rename(folder / file.name)


def found(private: list[bytes], folder: Path) -> list[bytes]:
    """The phrases that are in any file of a folder."""
    whole = b"\n".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return [phrase for phrase in private if phrase in whole]

"""Handing a run to a federation, without one: what is asked of the SuperLink, when, and what is refused before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clues.config import ClientSettings, Job, PublicSettings
from clues.config.reading import load_job
from clues.errors import DeploymentError, InUseError, SettingError
from clues.federated.engines import control, remote
from clues.federated.engines.remote import run_remotely
from clues.folders.run import FlowerRun, RunFolder
from clues.progress import Event, Progress


class Shown:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.phases: list[str] = []

    def update(self, event: Event) -> None:
        self.phases.append(event.phase)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    public = {name: tmp_path / f"{name}.jsonl" for name in ("validation", "anchors", "test")}
    for name, file in public.items():
        file.write_text(json.dumps({"prompt": f"Which {name}?", "response": f"This one of {name}."}) + "\n")
    settings = PublicSettings(str(public["validation"]), str(public["anchors"]), str(public["test"]))
    return Job(name="first", clients=(ClientSettings("north"), ClientSettings("south")), public=settings)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the SuperLink was asked for; it starts run 7, and is busy with run 5 if `busy` is there beforehand."""
    asked: list[str] = []

    def start(_home: Path, _connection: str, bundle: Path) -> int:
        assert (bundle / "pyproject.toml").is_file()
        asked.append("start")
        return 7

    def wait(_home: Path, _connection: str, run: int, meanwhile) -> None:
        asked.append(f"follow {run}")
        meanwhile()

    monkeypatch.setattr(remote, "unfinished_run", lambda *_: 5 if "busy" in asked else None)
    monkeypatch.setattr(remote, "start_run", start)
    monkeypatch.setattr(remote, "wait_for_run", wait)
    return asked


def test_a_run_is_prepared_started_and_followed(job: Job, tmp_path: Path, asked: list[str]) -> None:
    run_remotely(job, tmp_path / "run", "hospitals", Progress())
    assert asked == ["start", "follow 7"]
    assert load_job(tmp_path / "run" / "job.toml") == job
    assert (tmp_path / "run" / "public" / "anchors.jsonl").is_file()
    with pytest.raises(InUseError, match="--resume"):
        run_remotely(job, tmp_path / "run", "hospitals", Progress())
    run_remotely(job, tmp_path / "run", "hospitals", Progress(), resume=True)
    assert asked[2:] == ["start", "follow 7"]


def test_a_run_under_way_is_followed_and_never_started_twice(job: Job, tmp_path: Path, asked: list[str]) -> None:
    run_remotely(job, tmp_path / "run", "hospitals", Progress())
    asked.append("busy")
    RunFolder(tmp_path / "run").flower.write(FlowerRun(5))  # as its ServerApp does
    run_remotely(job, tmp_path / "run", "hospitals", Progress(), resume=True)
    assert asked == ["start", "follow 7", "busy", "follow 5"]


def test_another_jobs_run_is_not_followed(job: Job, tmp_path: Path, asked: list[str]) -> None:
    asked.append("busy")
    for resume in (False, True):
        with pytest.raises(
            DeploymentError, match=r"busy with run 5, which is not the one of .*`flwr stop 5 hospitals`"
        ):
            run_remotely(job, tmp_path / "run", "hospitals", Progress(), resume=resume)
    assert not (tmp_path / "run").exists(), "a refused run leaves its folder to the next"
    asked.clear()
    run_remotely(job, tmp_path / "run", "hospitals", Progress())  # begun as run 7
    asked.append("busy")
    with pytest.raises(DeploymentError, match="busy with run 5"):
        run_remotely(job, tmp_path / "run", "hospitals", Progress(), resume=True)


def test_a_finished_run_asks_for_nothing(job: Job, tmp_path: Path, asked: list[str]) -> None:
    run_remotely(job, tmp_path / "run", "hospitals", Progress())
    (tmp_path / "run" / "manifest.json").write_text("{}")
    assert run_remotely(job, tmp_path / "run", "hospitals", Progress(), resume=True) == tmp_path / "run" / "report.html"
    assert asked == ["start", "follow 7"]


def test_the_servers_events_are_shown_once_and_whole(tmp_path: Path) -> None:
    file, shown = tmp_path / "events.jsonl", Shown()
    Progress(file).note("of an earlier try", "")
    show = remote._follow(file, shown)
    Progress(file).note("join", "")
    before = file.read_bytes()
    Progress(file).note("select", "")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(before) + 30])
    show()
    assert shown.phases == ["join"]
    file.write_bytes(whole)
    show()
    show()
    assert shown.phases == ["join", "select"]


@pytest.mark.parametrize("name", ["North", "", "a b"])
def test_a_name_that_cannot_travel_is_refused(job: Job, tmp_path: Path, asked: list[str], name: str) -> None:
    with pytest.raises(SettingError, match="has to travel"):
        run_remotely(replace(job, clients=(ClientSettings(name),)), tmp_path / "run", "hospitals", Progress())
    assert asked == []


def test_a_job_that_draws_its_clients_is_refused(job: Job, tmp_path: Path, asked: list[str]) -> None:
    drawn = replace(job, sample=replace(job.sample, clients=("GHR",)), clients=())
    with pytest.raises(SettingError, match="rows of their own"):
        run_remotely(drawn, tmp_path / "run", "hospitals", Progress())
    assert asked == []


def test_what_ended_a_run_is_told_in_a_line() -> None:
    log = "INFO\nTraceback:\n  File x\nclues.federated.federation.FederationError: 1 online.\nbye\n"
    assert control._raised(log) == "clues.federated.federation.FederationError: 1 online"
    assert control._raised("INFO : nothing\n") == ""

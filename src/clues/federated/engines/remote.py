"""A whole run on a federation that is up: its folder prepared here, its phases led by the SuperLink's ServerApp."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from clues.config import Job
from clues.errors import DeploymentError, SettingError
from clues.federated.engines.control import start_run, unfinished_run, wait_for_run
from clues.federated.engines.deployment import write_bundle
from clues.federated.run import check_folder, open_folder, prepare_data
from clues.folders.run import FlowerRun, RunFolder
from clues.progress import Display, Event, Progress


def run_remotely(job: Job, folder: Path, connection: str, progress: Progress, *, resume: bool = False) -> Path:
    """Run a job on the federation that Flower's config.toml calls `connection`; return the coordinator's page.

    `folder` is the one that CLUES_RUN_DIR names to the SuperLink. Where it is shared with this machine, or is this
    machine's own, progress is that of the server; else this waits, and the page is there and not here. With `resume`
    this folder's run is followed if it is under way, and goes on in a new one of Flower's if it ended early. Raises
    SettingError for a job that no federation can run, InUseError, and DeploymentError with what Flower said, also where
    the SuperLink is busy with another run.
    """
    _check(job)
    run = RunFolder(folder)
    check_folder(job, run, resume)
    if run.manifest.exists():
        return run.page
    home = Path(os.environ.get("FLWR_HOME") or Path.home() / ".flwr")
    run_id = unfinished_run(home, connection)
    mine = run.flower.read_if_there()
    if run_id is None:
        open_folder(job, run, resume)
        prepare_data(job, run, progress)
        with tempfile.TemporaryDirectory() as bundle:
            run_id = start_run(home, connection, write_bundle(Path(bundle), job))
        run.flower.write(FlowerRun(run_id))
    elif mine is None or mine.run != run_id:
        raise DeploymentError(
            f"{connection} is busy with run {run_id}, which is not the one of {folder}: wait for its end, or end it by "
            f"`flwr stop {run_id} {connection}`"
        )
    elif not resume:
        raise DeploymentError(
            f"run {run_id} is under way on {connection}: follow it by --resume, "
            f"or end it by `flwr stop {run_id} {connection}`"
        )
    progress.note("federation", f"run {run_id} on {connection}; it goes on without this command")
    wait_for_run(home, connection, run_id, _follow(run.events, progress.display))
    return run.page


def _check(job: Job) -> None:
    if job.sample.clients:
        raise SettingError("sample.clients: a federation's clients have rows of their own; name them under [[clients]]")


def _follow(events: Path, display: Display | None) -> Callable[[], None]:
    """A function that shows the events that were written since its last call."""
    seen = events.stat().st_size if events.exists() else 0

    def show() -> None:
        nonlocal seen
        if display is None or not events.exists():
            return
        with events.open("rb") as stream:
            stream.seek(seen)
            for line in stream:
                if not line.endswith(b"\n"):  # still being written
                    return
                seen += len(line)
                display.update(Event.of_line(line))

    return show

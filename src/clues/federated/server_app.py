"""The ServerApp of a deployment: leads the run whose folder the SuperLink's environment names."""

from __future__ import annotations

import json
import os
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from clues.config import Job
from clues.config.reading import job_from_dict
from clues.errors import SettingError
from clues.federated.engines.deployment import RUN_FOLDER, job_for_clients
from clues.federated.federation import Federation
from clues.folders.run import FlowerRun, RunFolder

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Lead the run to its end; a run that was begun before goes on. Raises what stops it: Flower marks it failed."""
    from clues.federated.coordinator import Coordinator
    from clues.federated.run import finish
    from clues.progress import Progress

    folder = run_folder()
    job = job_of(folder, str(context.run_config["job"]))
    folder.flower.write(FlowerRun(context.run_id))
    progress = Progress(folder.events)
    names = [client.name for client in job.clients]
    Coordinator(Federation(grid, len(names), names=names), job, folder, progress, labelled=False).run()
    finish(folder, progress)


def run_folder() -> RunFolder:
    """The run's folder on the server. Raises SettingError if the SuperLink was started without naming it."""
    named = os.environ.get(RUN_FOLDER, "")
    folder = RunFolder(Path(named))
    if not folder.job.path.is_file():
        raise SettingError(
            f"{RUN_FOLDER} = {named!r} is no run's folder with a job.toml: set it and start the SuperLink"
        )
    return folder


def job_of(folder: RunFolder, sent: str) -> Job:
    """The folder's job. Raises SettingError if the clients were sent (as JSON) another one."""
    job = folder.job.read()
    if job_for_clients(job) != job_from_dict(json.loads(sent), "the bundle's job"):
        raise SettingError(f"{folder.job.path} is another job than the run's: start the SuperLink with its folder")
    return job

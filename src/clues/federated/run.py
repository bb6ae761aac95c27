"""A whole run in one folder: draw or find the data, lead the federation through its phases, write the pages."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from clues.config import Job, ScoringSettings
from clues.data.files.formats import suffix_of
from clues.data.public import check_apart
from clues.data.rows import Row
from clues.data.sample import client_name, draw_sample, write_sample
from clues.disk.writing import copy_file, remove_unfinished, write_json
from clues.errors import InUseError, PoolError, SettingError
from clues.federated.client import Client
from clues.federated.coordinator import Coordinator
from clues.federated.engines.in_process import run_in_process
from clues.federated.engines.simulation import simulate
from clues.federated.federation import Federation
from clues.federated.public import public_rows
from clues.folders.run import RunFolder
from clues.progress import Progress
from clues.report.coordinator import write_coordinator_report

PUBLIC_SETS = ("validation", "anchors", "test")


@dataclass(frozen=True)
class LocalClients:
    """Builds the clients whose folders are under the run's own folder."""

    folder: RunFolder
    job: Job

    def __call__(self, name: str) -> Client:
        own = self.folder.client(name)
        data = next((Path(c.data) for c in self.job.clients if c.name == name), own.data)
        return Client(name, data, own.path, self.job)


def run_job(
    job: Job,
    folder: Path,
    progress: Progress,
    *,
    resume: bool = False,
    engine: Literal["simulation", "in-process"] = "simulation",
) -> Path:
    """Run a job with all its clients on this machine and return the coordinator's page.

    `simulation`: Flower's engine, client processes of their own. `in-process`: the same apps and messages in this
    process. Raises InUseError for a folder that holds a run, unless `resume`; SettingError for a job that is not
    the one the folder began with.
    """
    run = RunFolder(folder)
    begun = run.job.path.exists()
    open_folder(job, run, resume)
    try:
        names = prepare_data(job, run, progress)
    except (SettingError, PoolError):
        if not begun:  # a job that cannot begin does not keep its folder from the next one
            run.job.path.unlink()
        raise
    main = partial(_lead, job=job, folder=run, progress=progress)
    clients = LocalClients(run, job)
    if not run.manifest.exists():
        if engine == "simulation":
            simulate(main, clients, names, os.cpu_count() or 1)
        else:
            run_in_process(main, clients, names)
    return finish(run, progress)


def open_folder(job: Job, folder: RunFolder, resume: bool) -> None:
    """Take the folder for this job, or make sure that it holds this very job."""
    check_folder(job, folder, resume)
    folder.path.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder.path)
    folder.job.write(job)


def check_folder(job: Job, folder: RunFolder, resume: bool) -> None:
    """Raises InUseError for a folder with a run, unless it is resumed; SettingError if it is another job's, or if
    the job has settings that no federation can have yet."""
    usual = ScoringSettings()
    if (job.scoring.scorer, job.scoring.criteria) != (usual.scorer, usual.criteria):
        raise SettingError("scoring.scorer and scoring.criteria are for clues score: leave them out for a federation")
    begun = folder.job.path.exists()
    if begun and not resume:
        raise InUseError(f"{folder.path} holds a run already: go on with it by --resume, or name another --output")
    if begun and folder.job.read().hash != job.hash:
        raise SettingError(f"{folder.job.path} is another job than the one asked for: resume with the same settings")


def prepare_data(job: Job, folder: RunFolder, progress: Progress) -> list[str]:
    """Draw the sample, or copy the public sets, into the folder; the clients' names."""
    if job.sample.clients:
        if not folder.public("test").exists():
            with progress.phase("draw", 1) as advance:
                write_sample(draw_sample(job.sample, job.seed), folder.path)
                advance()
        return [client_name(source) for source in job.sample.clients]
    check_public(job)
    for name in PUBLIC_SETS:
        copy_file(public_file(job, name), folder.public(name))
    return [client.name for client in job.clients]


def check_public(job: Job) -> dict[str, list[Row]]:
    """The public sets that a job names, each held against the others before anything is computed.

    Raises SettingError for a record that cannot be used, and for sets of the same rows.
    """
    files = {name: public_file(job, name) for name in PUBLIC_SETS}
    rows = {name: public_rows(file, job.public.columns.named) for name, file in files.items()}
    check_apart(files, rows)
    return rows


def public_file(job: Job, name: str) -> Path:
    """The file of a public set that the job names. Raises SettingError where there is none of JSON lines."""
    file = Path(getattr(job.public, name))
    if not file.is_file() or suffix_of(file) not in (".jsonl", ".ndjson"):
        raise SettingError(f"public.{name} = {str(file)!r}: no file of JSON lines; a job needs it, or sample.clients")
    return file


def finish(folder: RunFolder, progress: Progress) -> Path:
    """Write the coordinator's page and the manifest of a run whose phases are done; clients have written theirs."""
    with progress.phase("report", 1) as advance:
        page = write_coordinator_report(folder.path)
        write_manifest(folder)
        advance()
    return page


def write_manifest(folder: RunFolder) -> None:
    """manifest.json: SHA-256 of every file of the run, by its path in the folder."""
    left_out = (folder.manifest.name, folder.events.name)
    files = sorted(p for p in folder.path.rglob("*") if p.is_file() and p.name not in left_out)
    hashes = {str(p.relative_to(folder.path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    write_json({"files": hashes}, folder.manifest)


def _lead(federation: Federation, *, job: Job, folder: RunFolder, progress: Progress) -> None:
    Coordinator(federation, job, folder, progress, labelled=bool(job.sample.clients)).run()

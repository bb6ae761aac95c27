"""`clues run`: a whole job, from the clients' rows to the compared models and the pages."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from clues.cli.options import DryRun, Offline, Resume, Settings
from clues.cli.output import NORMAL, Output
from clues.cli.quiet import stay_offline
from clues.cli.text.numbers import RunNumbers, run_text
from clues.errors import UsageError

if TYPE_CHECKING:
    from clues.config import Job

InProcess = Annotated[
    bool,
    Parameter(show_default=False, help="Run the clients one by one in this process instead of Flower's simulation."),
]
OnFederation = Annotated[
    str | None,
    Parameter(
        name="--federation",
        show_default=False,
        help="Run on real machines: the SuperLink of this name in Flower's config.toml (docs/FEDERATION.md).",
    ),
]

EXAMPLES = """
**Examples**

    clues run job.toml
    clues run job.toml --dry-run
    clues run job.toml --set training.rounds=8 --set selection.alpha=0.05 --output runs/longer
    clues run job.toml --output runs/longer --set training.rounds=8 --set selection.alpha=0.05 --resume
    clues run job.toml --output /srv/clues/run --federation hospitals
"""


def run(
    job: Path,
    /,
    *,
    output_to: Annotated[Path | None, Parameter(name="--output")] = None,
    resume: Resume = False,
    settings: Settings = (),
    dry_run: DryRun = False,
    in_process: InProcess = False,
    federation: OnFederation = None,
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Run a job: warm-up, scores, the bar, training on what was kept, evaluation.

    All its clients are on this machine, unless `--federation` names the SuperLink of real ones.

    Ends by printing where the page is and the numbers that matter; `metrics.json` in the run's folder holds them all.

    Parameters
    ----------
    job
        A TOML file; it names only what differs from the defaults.
    output_to
        The run's folder; runs/NAME, after the job's name, if not given.
    """
    if offline:
        stay_offline()
    from clues.config.reading import load_job

    asked = load_job(job, settings)
    folder = output_to or Path("runs") / asked.name
    if federation:
        return _run_on(federation, asked, folder, resume, dry_run or in_process, output)
    _check_data(asked)
    if dry_run:
        from clues.cli.text.run_rehearsal import rehearse

        return rehearse(asked, folder, resume, output)
    from clues.federated.run import run_job
    from clues.folders.run import RunFolder

    with output.progress(RunFolder(folder).events) as progress:
        page = run_job(asked, folder, progress, resume=resume, engine="in-process" if in_process else "simulation")
    return _answer(page, folder, output)


def _run_on(federation: str, job: Job, folder: Path, resume: bool, local: bool, output: Output) -> int:
    from clues.federated.engines.remote import run_remotely

    if local:
        raise UsageError("--federation runs on other machines: leave out --in-process, and --dry-run, which needs rows")
    _check_clients(job)
    with output.progress() as progress:
        page = run_remotely(job, folder, federation, progress, resume=resume)
    if page.exists():
        return _answer(page, folder, output)
    text = "done; the page and the numbers are in the run's folder on the SuperLink's machine"
    return output.answer(text, {"command": "run", "federation": federation})


def _answer(page: Path, folder: Path, output: Output) -> int:
    numbers = RunNumbers.read(folder)
    facts = {"command": "run", "folder": str(folder), **asdict(numbers)}
    return output.answer(run_text(page, numbers), facts, page)


def _check_clients(job: Job) -> None:
    if not job.clients and not job.sample.clients:
        raise UsageError("the job has no client: name [[clients]] with name and data, or sample.clients")


def _check_data(job: Job) -> None:
    """Raises UsageError or ReadingError for what would otherwise fail minutes later, and in a client's own log."""
    from clues.data.files.columns import check_columns
    from clues.data.files.reading import open_data_set

    if job.public.columns.named:
        check_columns(job.public.columns.named)
    _check_clients(job)
    for client in job.clients:
        if not client.data:
            raise UsageError(f"the client {client.name} has no data: name its file, or the --federation where it is")
        if client.columns.named:
            check_columns(client.columns.named)
        open_data_set(client.data)

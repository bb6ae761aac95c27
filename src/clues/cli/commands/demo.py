"""`clues demo`: the packaged job on a real model and real answers."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clues.cli.commands.run import InProcess, run
from clues.cli.options import DryRun, Offline, Resume, Settings
from clues.cli.output import NORMAL, Output

EXAMPLES = """
**Examples**

    clues demo
    clues demo --seed 7 --output runs/seven
    clues demo --set sample.spoiled_share=0.2 --output runs/fewer-spoiled
"""


def demo(
    *,
    seed: int | None = None,
    output_to: Annotated[Path, Parameter(name="--output")] = Path("runs/demo"),
    resume: Resume = False,
    settings: Settings = (),
    dry_run: DryRun = False,
    in_process: InProcess = False,
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Run the packaged job: four medical sites, half of their answers spoiled, about ten minutes on two cores.

    Parameters
    ----------
    seed
        Draws other documents and spoils other rows.
    output_to
        The run's folder.
    """
    seeded = settings if seed is None else (*settings, f"seed={seed}")
    with as_file(files("clues.packaged") / "demo.toml") as job:
        return run(
            job, output_to=output_to, resume=resume, settings=seeded, dry_run=dry_run, in_process=in_process,
            offline=offline, output=output,
        )  # fmt: skip

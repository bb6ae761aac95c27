"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from clues.errors import UsageError

if TYPE_CHECKING:
    from clues.config import Job


Model = Annotated[
    str | None,
    Parameter(help="packaged (SmolLM2-135M-Instruct, the default), a local folder, a hub name, or a .gguf file."),
]
Scorer = Annotated[
    str | None,
    Parameter(
        help="What the rows are scored by: clues (our criteria, the default); published.dot, published.adam, less or "
        "datainf (gradients at the checkpoints of a warm-up); perplexity, ifd, ira, similarity.max, similarity.mean, "
        "length or random (no training); or one that an installed package brings (docs/PLUGINS.md)."
    ),
]
Offline = Annotated[
    bool, Parameter(show_default=False, help="Reach no hub: models and data sets come from disk alone.")
]
Resume = Annotated[bool, Parameter(show_default=False, help="Go on with what is in the output folder already.")]
DryRun = Annotated[
    bool, Parameter(show_default=False, help="Write nothing: check everything, show the first row and the cost.")
]
Settings = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        show_default=False,
        help="A setting of the job, as in training.rounds=8; may be repeated.",
    ),
]


def parse_list(text: str) -> list[str]:
    """`a,b` as a list, spaces around the names left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def owner_job(settings: Sequence[str], given: Mapping[str, str | float | None]) -> Job:
    """The job of a command without a job file: defaults, then `--set`, then options `given`; None is not given."""
    from clues.config.reading import COMMAND_LINE, job_from_dict

    options = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    job = job_from_dict({}, COMMAND_LINE, [*settings, *options])
    model = Path(job.model.name)
    if job.model.name == "packaged" or not model.exists():
        return job
    return replace(job, model=replace(job.model, name=str(model.resolve())))  # found from any folder later


def check_share(name: str, share: float | None) -> None:
    """Raises UsageError unless the option `name` is a share in [0, 1], or not given."""
    if share is not None and not 0 <= share <= 1:
        raise UsageError(f"{name} {share}: a share lies between 0 and 1")


def check_new(path: Path) -> None:
    """Raises UsageError where something would be overwritten."""
    if path.exists():
        raise UsageError(f"{path} exists already; name another --output")

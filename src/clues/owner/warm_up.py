"""The warm-up of one owner's adapter on his own rows, a round at a time, each on disk before the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from clues.config import Job
from clues.data.prepare import Prepared
from clues.disk.writing import replacing
from clues.folders.owner import OwnerFolder
from clues.models.adapters import adapter_state, load_adapter_state
from clues.models.base import LanguageModel
from clues.processes import processes
from clues.progress import Progress
from clues.training.local import train


def warm_up(
    lm: LanguageModel, rows: Prepared, job: Job, output: OwnerFolder, progress: Progress
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Train from the adapter that the model carries; the number and the adapter of each round that is a checkpoint.

    What is in the folder already is read. The model is left with any adapter: load the one you need.
    """
    state = adapter_state(lm.model)
    for number in range(1, max(job.scoring.checkpoints) + 1):
        state = _round(lm, rows, job, output.warm_up(number), number, state, progress)
        if number in job.scoring.checkpoints:
            yield number, state


def _round(
    lm: LanguageModel,
    rows: Prepared,
    job: Job,
    file: Path,
    number: int,
    state: dict[str, Tensor],
    progress: Progress,
) -> dict[str, Tensor]:
    steps = job.training.local_steps
    if _missing(file):
        with progress.phase(f"warm-up-{number}", steps) as advance:
            load_adapter_state(lm.model, state)
            train(
                lm, rows.encoded, job.training,
                steps=steps, first_step=(number - 1) * steps, seed=job.seed, on_step=advance,
            )  # fmt: skip
        if processes().is_main_process:
            with replacing(file) as scratch:
                save_file(adapter_state(lm.model), str(scratch))
        processes().wait_for_everyone()
    return load_file(str(file))


def _missing(file: Path) -> bool:
    """Whether a file has to be made, by all processes together: none of them looks after another has written it."""
    missing = not file.exists()
    processes().wait_for_everyone()
    return missing

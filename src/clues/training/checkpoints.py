"""Checkpoints made where they are needed: what public rows of short answers teach is a training, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from clues.config import Job
from clues.models.adapters import adapter_state, load_adapter_state
from clues.models.base import LanguageModel
from clues.processes import processes
from clues.scoring.checkpoint import Checkpoint, make_checkpoint
from clues.scoring.criteria import LABEL
from clues.scoring.validation import Validation
from clues.training.local import train

PASSES = 3
"""Over the public rows: after one, a model of 135 million parameters half knows a task (docs/research/LOG.md)."""
MOST_STEPS = 60
"""Of one fold, however many public rows there are."""

Adapter = Mapping[str, Tensor]


def checkpoint_in(
    file: Path,
    lm: LanguageModel,
    validation: Validation,
    adapter: Adapter,
    job: Job,
    on_step: Callable[[], None] = lambda: None,
) -> Checkpoint:
    """The checkpoint in a file; where there is none, it is made of `adapter` first, by all processes together."""
    missing = not file.exists()
    processes().wait_for_everyone()
    if missing:
        taught = teach(lm, validation, adapter, job, on_step)
        if processes().is_main_process:
            load_adapter_state(lm.model, adapter)
            make_checkpoint(lm, validation, job.scoring.published, taught).save(file)
        processes().wait_for_everyone()
    return Checkpoint.load(file)


def teach(
    lm: LanguageModel, validation: Validation, adapter: Adapter, job: Job, on_step: Callable[[], None] = lambda: None
) -> list[dict[str, Tensor]]:
    """The adapter trained on with the public rows of short answers, once without each fold; nothing where the label is
    no criterion."""
    if LABEL not in validation.spoiled:
        return []
    found = []
    for rows in _without_a_fold(validation):
        load_adapter_state(lm.model, adapter)
        encoded = [validation.good[i] for i in rows]
        steps = _steps(len(rows), job)
        train(lm, encoded, job.training, steps=steps, first_step=0, seed=job.seed, on_step=on_step)
        found.append(adapter_state(lm.model))
    return found


def steps_to_teach(validation: Validation, job: Job) -> int:
    """Optimizer steps of `teach`."""
    there = LABEL in validation.spoiled
    return sum(_steps(len(rows), job) for rows in _without_a_fold(validation)) if there else 0


def _without_a_fold(validation: Validation) -> list[list[int]]:
    """Public rows of short answers that each training sees."""
    short = validation.origins[LABEL].tolist()
    return [[i for i in short if validation.fold_of[i] != fold] for fold in range(validation.folds)]


def _steps(rows: int, job: Job) -> int:
    return min(MOST_STEPS, math.ceil(PASSES * rows / job.training.batch_size))

"""Local fine-tuning: some optimizer steps of the adapter on a client's own rows, by transformers' Trainer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from clues.config import TrainingSettings
from clues.data.batches import Batch, collate
from clues.data.encoding import Encoded
from clues.errors import SettingError
from clues.models.adapters import lora_parameters
from clues.models.base import LanguageModel
from clues.models.likelihood import row_means
from clues.models.transformers_private import use_one_gpu
from clues.processes import processes
from clues.scoring.passes import likelihood_batch


def train(
    lm: LanguageModel,
    encoded: Sequence[Encoded],
    settings: TrainingSettings,
    *,
    steps: int,
    first_step: int,
    seed: int,
    on_step: Callable[[], None] = lambda: None,
) -> float:
    """Train the adapter in place for `steps` optimizer steps and return the mean row loss (nats per token).

    The loss of a step is the mean over its rows of ℓ(a|q). The optimizer is fresh: nothing is kept between calls, and
    step k of a run sees the same rows whether or not the run was interrupted before it. Several processes
    (`accelerate launch`) share the rows of every step and average their gradients.

    Args:
        encoded: the client's rows, at least one.
        first_step: index of the first step in the whole run; it fixes which rows come next.
        seed: fixes the order of the rows.
        on_step: called after every step.

    Raises SettingError, see `check_shares`.
    """
    check_shares(settings)
    order = row_order(len(encoded), settings.batch_size, first_step, steps, seed)
    for p in lora_parameters(lm.model).values():
        p.requires_grad_(True)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            trainer = _Trainer(
                model=cast(Any, lm.model),
                args=_arguments(settings, steps, scratch),
                train_dataset=cast(Any, [encoded[i] for i in order]),
                data_collator=lambda rows: {"batch": collate(rows, range(len(rows)), lm.pad_id)},
                callbacks=[_EveryStep(on_step)],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.lm = lm
            loss = trainer.train().training_loss
    finally:
        lm.model.requires_grad_(False)
        lm.model.eval()
    return float(loss)


def check_shares(settings: TrainingSettings) -> None:
    """Raises SettingError when a step's rows cannot be shared equally by the processes."""
    if settings.batch_size % processes().num_processes:
        raise SettingError(
            f"training.batch_size = {settings.batch_size} cannot be shared by {processes().num_processes} processes: "
            "choose a multiple"
        )


def row_order(rows: int, batch_size: int, first_step: int, steps: int, seed: int) -> list[int]:
    """Rows of the steps `first_step` to `first_step + steps`: one random permutation after the other, cut to steps."""
    start, stop = first_step * batch_size, (first_step + steps) * batch_size
    epochs = range(start // rows, -(-stop // rows))
    order = np.concatenate([np.random.default_rng([seed, epoch]).permutation(rows) for epoch in epochs])
    offset = epochs[0] * rows
    return order[start - offset : stop - offset].tolist()


class _EveryStep(TrainerCallback):
    def __init__(self, on_step: Callable[[], None]) -> None:
        self.on_step = on_step

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        self.on_step()


class _Trainer(Trainer):
    """The Trainer, with our loss."""

    lm: LanguageModel

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_args: Any, **_kwargs: Any) -> Tensor:
        batch: Batch = inputs["batch"]
        nll, row = likelihood_batch(replace(self.lm, model=cast(Any, model)), batch)
        return row_means(nll, row, len(batch.index)).mean()


def _arguments(settings: TrainingSettings, steps: int, scratch: str) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=scratch,
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size // processes().num_processes,
        ddp_find_unused_parameters=False,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        train_sampling_strategy="sequential",
    )
    return use_one_gpu(arguments)

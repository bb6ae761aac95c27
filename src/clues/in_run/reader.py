"""Scores of training rows, read out of the training's own backward passes.

The loss of a batch is Σ_t ℓ_t / D over its label tokens, and what is differentiated is f times that: D and f depend on
the Trainer (`num_items_in_batch`, accumulation, loss scaling). So a term of the probe, summed over the tokens of row i
and multiplied by D / (f n_i), is ⟨∇ℓ_i, V⟩ of the row's own mean loss over its n_i label tokens.

B sample, T token, N rows (of a packed batch more than B), C channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clues.errors import InRunError
from clues.in_run.batch_rows import IGNORED, ModelInputs, rows_of
from clues.scoring.directions import Directions
from clues.scoring.observe import watch
from clues.scoring.probe import Probe

LOSS_TOLERANCE = 1e-3
"""Largest relative difference between the model's loss and the mean of its token losses: rounding is far smaller, an
auxiliary loss is larger."""


@dataclass(frozen=True)
class RowScores:
    """What one batch said about its rows."""

    keys: list[str]
    """[N]"""
    tokens: Tensor
    """[N] label tokens"""
    values: Tensor
    """[N, C] float32 on the CPU; NaN for a row without a label token"""


class _WatchedProbe(Probe):
    """A probe that knows which layers it saw of a batch, and how long it took on the side of the processor."""

    seconds = 0.0

    def start(self, rows: int) -> None:
        super().start(rows)
        self.rows, self.seen = rows, set[str]()

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        began = perf_counter()
        super().observe(parameter, inputs, output_gradient)
        self.seen.add(parameter)
        self.seconds += perf_counter() - began


class RowReader:
    """Reads rows' scores out of passes of a model that somebody else makes, as often as they like."""

    def __init__(self, model: nn.Module, directions: Directions) -> None:
        self.model, self.probe = model, _WatchedProbe(directions)
        self._batch: ModelInputs | None = None
        self._factor: Tensor | None = None
        self._loss_checked = False

    @property
    def seconds(self) -> float:
        """Spent in hooks and in reading so far, on the side of the processor."""
        return self.probe.seconds

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Watch the model's passes; each has to be `read` before the next one begins."""
        handles = [
            self.model.register_forward_pre_hook(self._before, with_kwargs=True),
            self.model.register_forward_hook(self._after),
            *watch(self.model, [self.probe], lambda: self.probe.rows),
        ]
        try:
            yield
        finally:
            self._batch = None
            for handle in handles:
                handle.remove()

    def read(self) -> RowScores:
        """⟨∇ℓ_i, V⟩ of the rows of the batch whose backward pass is done.

        Raises InRunError when the pass was not one of the model's own loss through all observed layers.
        """
        began = perf_counter()
        batch = self._batch
        if batch is None or self._factor is None:
            raise InRunError("the Trainer does not differentiate the model's own loss: do not override compute_loss")
        if unseen := sorted(self.probe.parameters - self.probe.seen):
            raise InRunError(f"{unseen[0]}: no gradient went through this layer; is its adapter merged or disabled?")
        rows, terms = rows_of(batch), self.probe.read_tokens()
        row = rows.row.to(terms.device)
        sums = terms.new_zeros(len(rows.keys), terms.shape[-1]).index_add(0, row[row >= 0], terms[row >= 0])
        scale = rows.divisor / (float(self._factor) * rows.tokens)
        self._batch = None
        self.probe.seconds += perf_counter() - began
        return RowScores(rows.keys, rows.tokens, sums.cpu() * scale[:, None])

    def _before(self, _module: nn.Module, _args: tuple[Any, ...], batch: ModelInputs) -> None:
        if not torch.is_grad_enabled():
            return
        if self._batch is not None:
            raise InRunError("the model is called twice for one backward pass, so its rows cannot be told apart")
        _check_batch(batch)
        self._batch, self._factor = batch, None
        self.probe.start(len(batch["input_ids"]))

    def _after(self, _module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        if self._batch is None:
            return
        if not self._loss_checked:
            _check_loss(self._batch, output)
            self._loss_checked = True
        output.loss.register_hook(self._note_factor)

    def _note_factor(self, gradient: Tensor) -> None:
        self._factor = gradient.detach()


def _check_batch(batch: ModelInputs) -> None:
    for name in ("input_ids", "labels"):
        if batch.get(name) is None:
            raise InRunError(f"the model is called without {name}: custom losses and embeddings cannot be scored")
    for name in ("input_ids", "labels", "attention_mask", "position_ids"):
        if batch.get(name) is not None and batch[name].dim() != 2:
            raise InRunError(f"{name} has {batch[name].dim()} dimensions; rows are told apart in [rows, tokens] only")
    if batch.get("shift_labels") is not None:
        raise InRunError("the batch brings shift_labels: take a collator that gives labels alone")
    if batch.get("cu_seq_lens_q") is not None and batch.get("position_ids") is None:
        raise InRunError("packed rows cannot be told apart: let the collator return position_ids")


@torch.no_grad()
def _check_loss(batch: ModelInputs, output: Any) -> None:
    """Recompute the loss of a batch from its logits, where the model returns them, one sample at a time."""
    if getattr(output, "logits", None) is None:
        return
    targets, D = batch["labels"][:, 1:], rows_of(batch).divisor
    parts = [
        F.cross_entropy(logits[:-1].float(), target, ignore_index=IGNORED, reduction="sum")
        for logits, target in zip(output.logits, targets.to(output.logits.device), strict=True)
    ]
    expected, found = float(torch.stack(parts).sum()) / max(D, 1), float(output.loss)
    if D and abs(found - expected) > LOSS_TOLERANCE * max(abs(expected), LOSS_TOLERANCE):
        raise InRunError(
            f"the model's loss is {found:.6g}, the mean of its token losses {expected:.6g}: a loss with other parts "
            "(an auxiliary loss of a mixture of experts, for example) cannot be taken apart by rows; switch them off"
        )

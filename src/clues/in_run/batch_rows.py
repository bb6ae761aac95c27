"""The rows of a training batch: which token belongs to which, padded or packed, and who they are.

B sample, T token, N rows (of a packed batch more than B).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clues.errors import InRunError

ModelInputs = Mapping[str, Tensor]
"""What a model is called with: `input_ids` and `labels` [B, T], and if they are there, `attention_mask` [B, T],
`position_ids` [B or 1, T] and `num_items_in_batch`, one number."""
IGNORED = -100
"""Label of a token that is not trained on."""


def row_key(input_ids: Sequence[int], labels: Sequence[int]) -> str:
    """16 hex digits over a row's tokens and over which of them are label tokens (not -100), without padding.

    The first token is never predicted, so its label does not count.
    """
    targets = np.asarray(labels) != IGNORED
    targets[:1] = False
    return hashlib.sha256(np.asarray(input_ids, np.int64).tobytes() + targets.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class BatchRows:
    """The rows of a batch."""

    row: Tensor
    """[B, T] int64, the row that a token belongs to; -1 on padding"""
    keys: list[str]
    """[N]"""
    tokens: Tensor
    """[N] label tokens"""
    divisor: float
    """What the model divides the sum of its token losses by."""


def rows_of(batch: ModelInputs) -> BatchRows:
    """Tell the rows of a batch apart: by the first dimension, and in packed ones by `position_ids` that start anew.

    Args:
        batch: what the model is called with.

    Raises InRunError for a batch whose rows train each other: see `_attended` and `_packed`.
    """
    ids, labels = batch["input_ids"].cpu(), batch["labels"].cpu()
    attended, packed = _attended(batch, labels), _packed(batch, labels)
    first = packed | (attended & (attended.cumsum(1) == 1))
    row = torch.where(attended, (first.flatten().cumsum(0) - 1).view_as(ids), -1)
    rows = int(first.sum())
    places = [row == i for i in range(rows)]
    given = batch.get("num_items_in_batch")
    return BatchRows(
        row,
        [row_key(ids[place].tolist(), labels[place].tolist()) for place in places],
        torch.bincount(row[attended & ~first & (labels != IGNORED)], minlength=rows),
        float((labels[:, 1:] != IGNORED).sum() if given is None else given),
    )


def _attended(batch: ModelInputs, labels: Tensor) -> Tensor:
    """[B, T] tokens that are no padding. Raises InRunError for a label on padding: no row would own its loss."""
    mask = batch.get("attention_mask")
    attended = torch.ones_like(labels, dtype=torch.bool) if mask is None else mask.cpu().bool()
    if bool(((labels != IGNORED) & ~attended).any()):
        raise InRunError("padding has labels, so rows are trained on it: the collator must set them to -100")
    return attended


def _packed(batch: ModelInputs, labels: Tensor) -> Tensor:
    """[B, T] first tokens of rows that follow another row in the same sample.

    Raises InRunError where the model would not keep them apart, or would train the row before to predict them.
    """
    packed = torch.zeros_like(labels, dtype=torch.bool)
    mask, positions = batch.get("attention_mask"), batch.get("position_ids")
    if positions is None:
        return packed
    packed[:, 1:] = positions.cpu().diff(dim=1) != 1  # the test by which transformers itself separates rows
    if mask is not None:
        inside = mask.cpu().bool()
        inside = inside & inside.roll(1, dims=1)
        if bool((packed & inside).any()):
            raise InRunError("packed rows see each other when there is an attention_mask: let the collator drop it")
        return torch.zeros_like(packed)
    if bool((packed & (labels != IGNORED)).any()):
        raise InRunError(
            "the first token of a packed row is a label, so the row before it is trained to predict it: "
            "set it to -100, as DataCollatorWithFlattening does"
        )
    return packed

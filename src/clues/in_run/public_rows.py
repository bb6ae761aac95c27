"""Public rows beside a training: anchors, validation rows and their spoiled copies, scored as the training rows are.

They go through the same passes as the training's own rows (the model's loss, its mode, its dropout), in batches of
their own, and leave no trace in the training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from clues.data.batches import Batch
from clues.data.encoding import Encoded
from clues.in_run.batch_rows import IGNORED
from clues.in_run.reader import RowReader, RowScores
from clues.models.base import LanguageModel
from clues.scoring.channel import GRADIENT
from clues.scoring.criteria import CRITERIA, GOOD, by_kind
from clues.scoring.directions import Directions, average, directions_at, together
from clues.scoring.passes import batchwise
from clues.scoring.store import rows_key
from clues.scoring.validation import Validation

IN_RUN_CRITERIA = by_kind(CRITERIA, GRADIENT)
"""The criteria that a backward pass can tell something about, by their gradient channels alone."""
ANCHOR = "anchor"


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Passes in the block leave the training as it was: gradients, modes and random numbers.

    No parameter requires a gradient in the block, so that a backward pass reaches no `.grad`.
    """
    needed = [(p, p.requires_grad) for p in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        model.requires_grad_(False)
        try:
            yield
        finally:
            for p, before in needed:
                p.requires_grad_(before)
            for module, before in modes:
                module.training = before


def rulers_at(lm: LanguageModel, validation: Validation) -> tuple[Directions, ...]:
    """Directions at the adapter the model carries: from all validation rows, and without each fold of them."""
    lm.model.eval()
    folds = directions_at(lm, validation, IN_RUN_CRITERIA)
    return average(folds), *folds


@dataclass(frozen=True)
class PublicRows:
    """P public rows."""

    encoded: Sequence[Encoded]
    roles: Sequence[str]
    """`anchor`, `good` for a validation row, or the criterion that its copy is spoiled for"""
    rulers: np.ndarray
    """[P] index in `rulers_at` of the directions that score a row: its own good copy must not be in its ruler."""

    @property
    def key(self) -> str:
        """16 hex digits: scores beside other public rows are never taken for these."""
        return rows_key(self.encoded, " ".join(self.roles))

    @staticmethod
    def of(anchors: Sequence[Encoded], validation: Validation) -> PublicRows:
        """Anchors, scored by the directions of all validation rows; validation rows and copies, without their fold."""
        names = (GOOD, *validation.spoiled)
        classes = [names[one] for one in validation.all_classes]
        return PublicRows(
            [*anchors, *validation.all_rows.encoded],
            [ANCHOR] * len(anchors) + classes,
            np.concatenate([np.zeros(len(anchors), int), 1 + validation.all_folds]),
        )


class PublicReader:
    """Scores public rows at whatever adapter the model carries, by the rulers of a window."""

    def __init__(self, lm: LanguageModel, rows: PublicRows, rulers: Sequence[Directions]) -> None:
        self.lm, self.rows, self.rulers = lm, rows, len(rulers)
        self.reader = RowReader(lm.model, _side_by_side(rulers))

    def read(self, index: Sequence[int]) -> Iterator[tuple[list[int], RowScores]]:
        """Score the rows at the positions `index`, in training mode; yields batches of positions and scores."""
        self.lm.model.train()
        encoded = [self.rows.encoded[i] for i in index]
        for batch, found in batchwise(self.lm, encoded, self._scores, lambda _rows: None):
            places = [index[i] for i in batch]
            own = found.values.unflatten(1, (self.rulers, -1))[range(len(batch)), self.rows.rulers[places]]
            yield places, replace(found, values=own)

    def _scores(self, batch: Batch) -> RowScores:
        batch = batch.to(self.lm.model.device)
        labels = torch.where(batch.response_mask, batch.input_ids, IGNORED)
        with self.reader.attached():
            self.lm.model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels, use_cache=False
            ).loss.backward()
            return self.reader.read()


def _side_by_side(rulers: Sequence[Directions]) -> Directions:
    """All rulers' directions as the directions of one: one pass serves them all."""
    names = tuple(f"{i}/{name}" for i, ruler in enumerate(rulers) for name in ruler.names)
    return replace(together(rulers), names=names)

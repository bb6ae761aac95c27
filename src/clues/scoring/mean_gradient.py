"""The mean gradient of some rows: where a step on all of them together would lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from clues.data.batches import Batch
from clues.data.encoding import Encoded
from clues.models.base import LanguageModel
from clues.models.likelihood import row_means
from clues.scoring.passes import batchwise, likelihood_batch


def batch_gradients(
    lm: LanguageModel, encoded: Sequence[Encoded], parameters: Mapping[str, nn.Parameter]
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Gradients of the mean row loss of one batch after the other: number of rows, parameter -> float32.

    Only `parameters` are differentiated: the backward pass stops at the lowest of them.
    """

    def gradients_of(batch: Batch) -> dict[str, Tensor]:
        rows = len(batch.index)
        nll, row = likelihood_batch(lm, batch)
        gradients = torch.autograd.grad(row_means(nll, row, rows).mean(), list(parameters.values()))
        return dict(zip(parameters, (g.float() for g in gradients), strict=True))

    for p in parameters.values():
        p.requires_grad_(True)
    try:
        for index, gradients in batchwise(lm, encoded, gradients_of, lambda _rows: None):
            yield len(index), gradients
    finally:
        for p in parameters.values():
            p.requires_grad_(False)


def mean_gradient(
    lm: LanguageModel, encoded: Sequence[Encoded], parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """∇ of the mean over rows of ℓ with respect to the parameters, by name."""
    total: dict[str, Tensor] = {}
    for rows, gradients in batch_gradients(lm, encoded, parameters):
        for name, gradient in gradients.items():
            total[name] = total.get(name, 0) + gradient * (rows / len(encoded))
    return total

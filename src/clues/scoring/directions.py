"""Directions: what public rows say about where the model should move, one per criterion.

A direction is the gradient, averaged over the public validation rows, of ℓ(good) − ℓ(spoiled), at a checkpoint. A row
whose own gradient points the same way teaches the model to prefer good answers to answers that fail this criterion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clues.data.batches import Batch
from clues.data.encoding import Encoded
from clues.kernels.losses import row_means
from clues.models.adapters import AdapterError, layer_of, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.criteria import Criterion
from clues.scoring.domains import channel_of
from clues.scoring.passes import batchwise, likelihood_batch
from clues.scoring.validation import Validation


@dataclass(frozen=True)
class Directions:
    """K directions in the space of some of the adapter's weights."""

    names: tuple[str, ...]
    weights: dict[str, Tensor]
    """Parameter name -> [K, O, I] float32."""

    def to_tensors(self) -> dict[str, Tensor]:
        """One tensor [O, I] per direction and parameter, `<k>/<direction>/<parameter>`; zero ones are left out."""
        return {
            f"{k}/{name}/{parameter}": w[k]
            for k, name in enumerate(self.names)
            for parameter, w in self.weights.items()
            if w[k].any()
        }

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> Directions:
        """The inverse of `to_tensors`."""
        parsed = {tuple(key.split("/", 2)): tensor for key, tensor in tensors.items()}
        names = dict(sorted({(int(k), name) for k, name, _ in parsed}))
        weights: dict[str, Tensor] = {}
        for (k, _name, parameter), tensor in sorted(parsed.items()):
            if parameter not in weights:
                weights[parameter] = torch.zeros(len(names), *tensor.shape)
            weights[parameter][int(k)] = tensor
        return Directions(tuple(names.values()), weights)


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


def directions_at(
    lm: LanguageModel, validation: Validation, half: int | None = None, criteria: Sequence[Criterion] | None = None
) -> Directions:
    """The directions of the criteria (by default those that the rows are spoiled for) at the adapter the model carries,
    from all validation rows or a half of them, for each domain of the rows.

    ∇ℓ(good) is shared by all criteria. Spoiled copies cannot ride in one backward pass with it by sharing their
    prompt: what flows back through a shared prompt is the sum over its answers, which no layer can take apart. So each
    set is a pass of its own, no deeper than its criterion's lowest layer.
    """
    parameters = {c.name: criterion_parameters(lm, c) for c in criteria or validation.criteria if c.layers}
    union = dict(sorted(item for some in parameters.values() for item in some.items()))
    parts = []
    for domain, rows in validation.domain_rows(half).items():
        good = mean_gradient(lm, [validation.good[i] for i in rows], union)
        bad = {
            channel_of(c, domain): mean_gradient(lm, [validation.spoiled[c].encoded[i] for i in rows], some)
            for c, some in parameters.items()
        }
        parts.append(contrasts(good, bad))
    return together(parts)


def criterion_parameters(lm: LanguageModel, criterion: Criterion) -> dict[str, nn.Parameter]:
    """The B matrices in the layers that a criterion is read in, by name.

    Raises AdapterError when none of these layers carries an adapter.
    """
    layers = criterion.layer_range(lm.model.config.get_text_config().num_hidden_layers)
    found = {name: p for name, p in lora_parameters(lm.model, "B").items() if layer_of(name) in layers}
    if not found:
        raise AdapterError(
            f"{criterion.name} is read in layers {layers[0]} to {layers[-1]}: lower adapter.first_layer to {layers[-1]}"
        )
    return found


def contrasts(good: Mapping[str, Tensor], spoiled: Mapping[str, Mapping[str, Tensor]]) -> Directions:
    """Directions good − spoiled, each over the parameters its criterion lives in and zero elsewhere.

    Args:
        good: mean gradient over the public rows, by parameter name.
        spoiled: channel -> mean gradient over the same rows, spoiled for its criterion, of that criterion's parameters.
    """
    weights = {
        name: torch.stack([g - bad[name] if name in bad else torch.zeros_like(g) for bad in spoiled.values()])
        for name, g in good.items()
    }
    return Directions(tuple(spoiled), weights)


def together(parts: Sequence[Directions]) -> Directions:
    """Several sets of directions over the same parameters as one, such as those of domains."""
    weights = {name: torch.cat([part.weights[name] for part in parts]) for name in parts[0].weights}
    return Directions(tuple(name for part in parts for name in part.names), weights)


def average(a: Directions, b: Directions) -> Directions:
    """The directions of two halves of the rows as one."""
    return Directions(a.names, {name: (w + b.weights[name]) / 2 for name, w in a.weights.items()})

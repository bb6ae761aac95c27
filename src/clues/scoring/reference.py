"""The slow reference: one row at a time, transformers' own loss, `torch.autograd.grad`, a dot product.

It shares nothing with the fast path and is what every fast path is tested against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


def reference_loss(model: nn.Module, input_ids: Sequence[int], response_mask: Sequence[bool]) -> Tensor:
    """ℓ(a|q) of one row: transformers' mean loss over the labels that are not -100."""
    ids = torch.tensor([list(input_ids)])
    labels = torch.where(torch.tensor([list(response_mask)]), ids, -100)
    return model(input_ids=ids, labels=labels, use_cache=False).loss


def reference_gradient(
    model: nn.Module, input_ids: Sequence[int], response_mask: Sequence[bool], parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """∇ℓ(a|q) of one row with respect to named parameters, which are made trainable for the call."""
    before = {name: p.requires_grad for name, p in parameters.items()}
    for p in parameters.values():
        p.requires_grad_(True)
    loss = reference_loss(model, input_ids, response_mask)
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    for name, p in parameters.items():
        p.requires_grad_(before[name])
    return dict(zip(parameters, gradients, strict=True))


def reference_score(gradient: Mapping[str, Tensor], direction: Mapping[str, Tensor]) -> float:
    """⟨g, V⟩ over the parameters of the direction."""
    return float(sum((gradient[name].double() * v.double()).sum() for name, v in direction.items()))

"""The likelihood of responses. B sample, T token, H hidden, V vocabulary, N response tokens of a batch."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def response_nll(
    model: nn.Module,
    input_ids: Int[Tensor, "B T"],
    attention_mask: Int[Tensor, "B T"],
    response_mask: Bool[Tensor, "B T"],
) -> tuple[Float[Tensor, " N"], Int[Tensor, " N"]]:
    """Negative log-likelihood of every response token given all before it.

    The output head sees only the positions that predict a response token, so no [B, T, V] tensor exists. The model's
    own forward applies it, soft caps and scalings included. A response token at position 0 has nothing before it and
    is not predicted.

    Args:
        model: a causal language model of transformers, with or without an adapter.
        input_ids, attention_mask, response_mask: [B, T].

    Returns:
        nll [N] float32 in nats, and the row [N] each token belongs to, in reading order.
    """
    targets = response_mask[:, 1:].bool()
    row = targets.nonzero()[:, 0]

    def select(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        return (args[0][:, :-1][targets][None],)  # [1, N, H]

    head = model.get_output_embeddings()  # type: ignore[operator]
    handle = head.register_forward_pre_hook(select)
    try:
        logits = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits[0]
    finally:
        handle.remove()
    return F.cross_entropy(logits.float(), input_ids[:, 1:][targets], reduction="none"), row


def row_means(values: Float[Tensor, " N"], row: Int[Tensor, " N"], rows: int) -> Float[Tensor, " B"]:
    """Mean of `values` [N] over the tokens of each row, [B]; differentiable."""
    total = torch.zeros(rows, dtype=values.dtype, device=values.device).index_add(0, row, values)
    return total / torch.bincount(row, minlength=rows)

"""The likelihood of responses. B sample, T token, H hidden, V vocabulary, N response tokens of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from clues.models.transformers_private import body_output, causal_model, head_of

LOGIT_VALUES = 2**26
"""Most logits held at once, in values (256 MiB in float32): 256 tokens of Gemma's 262,144 words, 1,365 of SmolLM2's."""


def response_nll(
    model: nn.Module,
    input_ids: Int[Tensor, "B T"],
    attention_mask: Int[Tensor, "B T"],
    response_mask: Bool[Tensor, "B T"],
    logit_values: int = LOGIT_VALUES,
) -> tuple[Float[Tensor, " N"], Int[Tensor, " N"]]:
    """Negative log-likelihood of every response token given all before it.

    The output head sees only the positions that predict a response token, in chunks of at most `logit_values` logits,
    so no [B, T, V] tensor exists, in neither direction. The model's own forward applies the head, soft caps and
    scalings included. Its weights must be frozen: no gradient reaches them. A response token at position 0 has nothing
    before it and is not predicted.

    Args:
        model: a causal language model of transformers, with or without an adapter, or wrapped for several processes.
        input_ids, attention_mask, response_mask: [B, T].

    Returns:
        nll [N] float32 in nats, and the row [N] each token belongs to, in reading order.
    """
    targets = response_mask[:, 1:].bool()
    output = body_output(model, {"input_ids": input_ids, "attention_mask": attention_mask})
    hidden, logits_of = output.last_hidden_state[:, :-1][targets], head_of(model, input_ids, output)
    chunk = max(1, logit_values // causal_model(model).config.get_text_config().vocab_size)
    nll = _HeadLoss.apply(hidden, input_ids[:, 1:][targets], logits_of, chunk)
    return nll, targets.nonzero()[:, 0]  # type: ignore[return-value]


def log_probabilities(
    model: nn.Module,
    input_ids: Int[Tensor, "B T"],
    attention_mask: Int[Tensor, "B T"],
    places: Sequence[Sequence[int]],
) -> list[Float[Tensor, "P V"]]:
    """Log-probabilities of every token at some places of each row, given all before it: [places, V] float32 per row.

    For few places only: a table of all the vocabulary is held for each. As in `response_nll` the head sees no other.

    Args:
        model, input_ids, attention_mask: as in `response_nll`. places: of each row, positive.
    """
    output = body_output(model, {"input_ids": input_ids, "attention_mask": attention_mask})
    rows = [row for row, some in enumerate(places) for _ in some]
    before = [place - 1 for some in places for place in some]
    logits = head_of(model, input_ids, output)(output.last_hidden_state[rows, before])
    return list(logits.float().log_softmax(-1).split([len(some) for some in places]))


def row_means(values: Float[Tensor, " N"], row: Int[Tensor, " N"], rows: int) -> Float[Tensor, " B"]:
    """Mean of `values` [N] over the tokens of each row, [B]; differentiable."""
    total = torch.zeros(rows, dtype=values.dtype, device=values.device).index_add(0, row, values)
    return total / torch.bincount(row, minlength=rows)


class _HeadLoss(torch.autograd.Function):
    """Cross-entropy of hidden states [N, H] chunk by chunk. Token t's loss depends on its own hidden state alone, so
    the gradient is taken while the chunk's logits are there, and only scaled in the backward pass."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, logits_of: Callable[[Tensor], Tensor], chunk: int) -> Tensor:
        nll, gradients = [], []
        for part, target in zip(hidden.split(chunk), targets.split(chunk), strict=True):
            leaf = part.detach().requires_grad_(ctx.needs_input_grad[0])
            with torch.set_grad_enabled(ctx.needs_input_grad[0]):
                loss = F.cross_entropy(logits_of(leaf).float(), target, reduction="none")
            if ctx.needs_input_grad[0]:
                gradients += torch.autograd.grad(loss, leaf, torch.ones_like(loss))
            nll.append(loss.detach())
        if gradients:
            ctx.save_for_backward(torch.cat(gradients))
        return torch.cat(nll)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return (outputs[0][:, None] * gradient).to(gradient.dtype), None, None, None

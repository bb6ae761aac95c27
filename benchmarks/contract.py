"""What every engine is given and what it answers. B sample, T token, N response token, K direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clues.data.batches import Batch, collate
from clues.data.encoding import Encoded
from clues.models.base import LanguageModel
from clues.scoring.directions import Directions
from clues.scoring.readings import likelihood_channels


@dataclass(frozen=True)
class Work:
    """One task for all engines: the model with its adapter, the rows, and the directions."""

    lm: LanguageModel
    encoded: list[Encoded]
    """The longest first, so that batches hold rows of like length, whoever makes them."""
    directions: Directions
    likelihoods: bool = False
    """The answer has the rows' likelihoods, too."""

    def batches(self, batch_size: int) -> list[Batch]:
        """The rows in their order, `batch_size` at a time, padded to the longest of the batch."""
        order = range(len(self.encoded))
        index = [order[i : i + batch_size] for i in order[::batch_size]]
        return [collate(self.encoded, some, self.lm.pad_id).to(self.lm.model.device) for some in index]

    def model_with_budget(self, batch_size: int) -> LanguageModel:
        """The model whose token budget holds `batch_size` of the longest rows: how `clues` bounds a batch."""
        budget = batch_size * len(self.encoded[0])
        return replace(self.lm, settings=replace(self.lm.settings, token_budget=budget))

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The weights that the directions are in, by name."""
        everything = dict(self.lm.model.named_parameters())
        return {name: everything[name] for name in self.directions.weights}

    @property
    def count(self) -> int:
        """K, the number of directions."""
        return len(self.directions.names)

    @property
    def modules(self) -> list[str]:
        """The linear layers that carry those weights, by name."""
        return [name.removesuffix(".weight") for name in self.directions.weights]


@dataclass(frozen=True)
class Answer:
    """What an engine found, in the rows' order."""

    scores: np.ndarray
    """⟨∇ℓ_i, V_k⟩, [rows, K]"""
    likelihoods: np.ndarray | None = None
    """Mean log-likelihood of the response and log-likelihood of its end token, [rows, 2], where the work asks."""


def answer(work: Work, scores: Tensor | np.ndarray, nll: Sequence[np.ndarray]) -> Answer:
    """An answer from scores [rows, K] and, where the work asks for likelihoods, token NLLs of the rows."""
    channels = np.stack(likelihood_channels(nll, work.encoded), 1) if work.likelihoods else None
    return Answer(np.asarray(scores), channels)


Run = Callable[[], Answer]
Prepare = Callable[[Work, int], Run]
"""An engine: all that does not depend on the rows happens in `prepare(work, batch_size)`, what it returns is timed."""


class Recorder:
    """Collects token NLLs that pass by in a loss function, for libraries that keep them to themselves."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what was collected."""
        self.rows: list[np.ndarray] = []

    def __call__(self, nll: Tensor, response_mask: Tensor) -> None:
        """Keep a batch's NLLs [N] in reading order."""
        counts = response_mask[:, 1:].sum(1).tolist()
        self.rows += [part.detach().cpu().numpy() for part in nll.split(counts)]


def row_losses(
    model: nn.Module, input_ids: Tensor, attention_mask: Tensor | None, response_mask: Tensor, record: Recorder | None
) -> Tensor:
    """ℓ of every row, [B], from the logits of all positions: the loss of a causal language model as it is usually
    written, and as the peers' own examples write it."""
    logits = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits[:, :-1]
    targets = response_mask[:, 1:]
    labels = torch.where(targets, input_ids[:, 1:], -100)
    nll = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), reduction="none").view_as(
        labels
    )  # 0 if masked
    if record is not None:
        record(nll[targets], response_mask)
    return nll.sum(1) / targets.sum(1)


class RowModel(nn.Module):
    """The model as some libraries want it: a forward of its own that ends in losses, or in `linear_target`."""

    def __init__(self, work: Work, record: Recorder | None) -> None:
        super().__init__()
        self.model, self.directions, self.record = work.lm.model, work.directions, record

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, response_mask: Tensor | None = None
    ) -> Tensor:
        """ℓ of every row, [B]; without a mask, `input_ids` [K] are numbers of directions, and the result is the target
        they are the gradient of, [1]."""
        if response_mask is None:
            return linear_target(self.model, self.directions, input_ids.tolist())[None]
        return row_losses(self.model, input_ids, attention_mask, response_mask, self.record)


@contextmanager
def trainable(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Let these weights require gradients for a while."""
    for p in parameters:
        p.requires_grad_(True)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(False)
            p.grad = None


def linear_target(model: nn.Module, directions: Directions, queries: Sequence[int]) -> Tensor:
    """A scalar whose gradient in query k is direction k, for libraries that ask for a function and not for a gradient.

    Every layer is called on the identity, as if it were T = I tokens: ∂/∂W of Σ ⟨I Wᵀ, V_kᵀ⟩ is V_k.
    """
    total: Any = 0.0
    for name, V in directions.weights.items():
        layer = model.get_submodule(name.removesuffix(".weight"))
        chosen = V[list(queries)].to(layer.weight.device)  # [K, O, I]
        identity = torch.eye(V.shape[2], device=chosen.device, requires_grad=True).expand(len(queries), -1, -1)
        total = total + (layer(identity) * chosen.mT).sum()
    return total

"""Passes over rows in batches: forward for likelihoods, forward and backward for what the gradients say.

B sample, T token, I inputs and O outputs of a linear layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from clues.data.batches import Batch, collate, token_budget_batches
from clues.data.encoding import Encoded
from clues.kernels.losses import response_nll, row_means
from clues.models.base import LanguageModel

Advance = Callable[[int], None]
"""Called with the number of rows just finished."""


class UnsupportedModuleError(ValueError):
    """A layer whose per-row gradient cannot be told apart; the text names it."""


class Observer(Protocol):
    """Reads something per row out of one backward pass, from the input and output gradient of linear layers."""

    channels: tuple[str, ...]
    parameters: frozenset[str]

    def start(self, rows: int) -> None:
        """A batch of `rows` rows begins."""

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        """One layer of the batch: inputs [B, T, I] and ∂(Σ ℓ_i)/∂output [B, T, O], both float32."""

    def read(self) -> Tensor:
        """The finished batch: [B, channels], float32."""
        ...


def likelihood_batch(lm: LanguageModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """`response_nll` of a batch on the model's device, under the precision of the job."""
    device = lm.model.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=lm.settings.precision == "bf16"):
        return response_nll(
            lm.model, batch.input_ids.to(device), batch.attention_mask.to(device), batch.response_mask.to(device)
        )


@torch.no_grad()
def token_nll(lm: LanguageModel, encoded: Sequence[Encoded], advance: Advance = lambda _rows: None) -> list[np.ndarray]:
    """Negative log-likelihood of every response token, one float32 array per row, in the rows' order."""
    result: list[np.ndarray] = [np.empty(0, np.float32)] * len(encoded)
    for index in token_budget_batches(encoded, lm.settings.token_budget):
        nll, row = likelihood_batch(lm, collate(encoded, index, lm.pad_id))
        values, row = nll.cpu().numpy(), row.cpu().numpy()
        for position, i in enumerate(index):
            result[i] = values[row == position]
        advance(len(index))
    return result


def row_nll(lm: LanguageModel, encoded: Sequence[Encoded], advance: Advance = lambda _rows: None) -> np.ndarray:
    """ℓ(a|q): mean response-token NLL of every row, float32 [rows]."""
    return np.array([nll.mean() for nll in token_nll(lm, encoded, advance)])


def gradient_pass(
    lm: LanguageModel,
    encoded: Sequence[Encoded],
    observers: Sequence[Observer],
    advance: Advance = lambda _rows: None,
) -> dict[str, np.ndarray]:
    """One forward and one backward pass over the rows, read by all observers at once: channel -> float32 [rows].

    The loss is Σ_i ℓ_i, so that row i's gradient does not depend on its batch mates. Nothing requires a gradient below
    the lowest layer that is observed, so the backward pass stops there.
    """
    result = {name: np.zeros(len(encoded), np.float32) for o in observers for name in o.channels}
    for index in token_budget_batches(encoded, lm.settings.token_budget):
        with observed(lm.model, observers, len(index)):
            nll, row = likelihood_batch(lm, collate(encoded, index, lm.pad_id))
            row_means(nll, row, len(index)).sum().backward()
        for observer in observers:
            for name, values in zip(observer.channels, observer.read().T.cpu().numpy(), strict=True):
                result[name][index] = values
        advance(len(index))
    return result


@contextmanager
def observed(model: nn.Module, observers: Sequence[Observer], rows: int) -> Iterator[None]:
    """Let observers see one forward and backward pass of a batch of `rows` rows."""
    handles = []
    for observer in observers:
        observer.start(rows)
    for name in sorted(frozenset[str]().union(*(o.parameters for o in observers))):
        watching = [o for o in observers if name in o.parameters]
        module = model.get_submodule(name.removesuffix(".weight"))
        handles.append(module.register_forward_hook(_hook(name, watching, rows)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(
    name: str, observers: Sequence[Observer], rows: int
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def forward(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        inputs = args[0].detach()
        if inputs.dim() != 3 or inputs.shape[0] != rows:
            raise UnsupportedModuleError(f"{name} sees tokens without their rows (shape {tuple(inputs.shape)})")
        if not output.requires_grad:
            output.requires_grad_(True)  # the lowest observed layer: the graph starts here

        def backward(gradient: Tensor) -> None:
            for observer in observers:
                observer.observe(name, inputs.float(), gradient.float())

        output.register_hook(backward)

    return forward

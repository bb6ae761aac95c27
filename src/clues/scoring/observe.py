"""Observers: what reads something per row out of a backward pass, and the hooks that show them the layers.

This is the one contract of all engines: `probe` and `per_sample` observe a pass of their own, `in_run` observes
the backward passes of a training that happens anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from clues.errors import UnsupportedModuleError


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


@contextmanager
def observed(model: nn.Module, observers: Sequence[Observer], rows: int) -> Iterator[None]:
    """Let observers see one forward and backward pass of a batch of `rows` rows.

    Raises UnsupportedModuleError during the pass for a layer that sees tokens without their rows.
    """
    for observer in observers:
        observer.start(rows)
    handles = watch(model, observers, lambda: rows)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def watch(
    model: nn.Module, observers: Sequence[Observer], rows: Callable[[], int]
) -> list[torch.utils.hooks.RemovableHandle]:
    """Hooks on the layers that observers read; `rows` tells how many rows the batch under way has."""
    handles = []
    for name in sorted(frozenset[str]().union(*(o.parameters for o in observers))):
        watching = [o for o in observers if name in o.parameters]
        module = model.get_submodule(name.removesuffix(".weight"))
        handles.append(module.register_forward_hook(_hook(name, watching, rows)))
    return handles


def _hook(
    name: str, observers: Sequence[Observer], rows: Callable[[], int]
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def forward(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if not torch.is_grad_enabled():
            return  # the first of the two forward passes of reentrant gradient checkpointing, or no training at all
        inputs = args[0].detach()
        if inputs.dim() != 3 or inputs.shape[0] != rows():
            raise UnsupportedModuleError(f"{name} sees tokens without their rows (shape {tuple(inputs.shape)})")
        if not output.requires_grad:
            output.requires_grad_(True)  # the lowest observed layer: the graph starts here

        def backward(gradient: Tensor) -> None:
            for observer in observers:
                observer.observe(name, inputs.float(), gradient.float())

        output.register_hook(backward)

    return forward

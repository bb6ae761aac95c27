"""The probe: inner products of every row's gradient with K directions, from one backward pass, no gradient stored.

For a linear layer y = W x with output gradient g_t at token t, ∂ℓ/∂W = Σ_t g_t x_tᵀ, hence
⟨∂ℓ/∂W, V⟩ = Σ_t g_tᵀ V x_t. It is the derivative of Σ_i ℓ_i with respect to a scalar ε_i that adds ε_i V x to the
output. On a LoRA B matrix x is rank-wide, so K directions cost a product of width K·R per token.

B sample, T token, I inputs, O outputs (for B matrices I is the rank R), K direction, L layers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clues.scoring.directions import Directions


class Probe:
    """An observer (see `observe.Observer`) whose channels are inner products with the directions, per row."""

    def __init__(self, directions: Directions, channels: tuple[str, ...] | None = None) -> None:
        """`channels` names the K results; by default the directions' own names."""
        self.channels = channels or directions.names
        self.directions = directions
        self.parameters = frozenset(directions.weights)
        self._columns = {name: _columns(V) for name, V in directions.weights.items()}
        self.start(0)

    def start(self, rows: int) -> None:
        """See Observer."""
        self._rows = rows
        self._terms: dict[str, Tensor] = {}  # parameter -> [B, T, directions that touch it]

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        """Add one layer's contribution, token by token."""
        _, V = self._columns[parameter]  # [O, K·I], directions that are zero here left out
        V = V.to(inputs.device)
        projected = (output_gradient @ V).unflatten(-1, (-1, inputs.shape[-1]))  # [B, T, K, I]
        terms = (projected * inputs[:, :, None]).sum(-1)
        before = self._terms.get(parameter)
        self._terms[parameter] = terms if before is None else before + terms

    def read_tokens(self) -> Tensor:
        """Contribution of every input position, [B, T, K]; summed over T it is `read()` exactly."""
        if not self._terms:
            return torch.zeros(self._rows, 0, len(self.channels))
        first = next(iter(self._terms.values()))
        total = first.new_zeros(*first.shape[:2], len(self.channels))
        for parameter, terms in self._terms.items():
            total[..., self._columns[parameter][0]] += terms
        return total

    def read_layers(self) -> dict[str, Tensor]:
        """Contribution of every parameter, [B, K] by name (rank votes over modules); their sum is `read()`."""
        layers = {}
        for parameter, terms in self._terms.items():
            layers[parameter] = terms.new_zeros(terms.shape[0], len(self.channels))
            layers[parameter][:, self._columns[parameter][0]] = terms.sum(1)
        return layers

    def read(self) -> Tensor:
        """⟨∇ℓ_i, V_k⟩, [B, K]."""
        return self.read_tokens().sum(1)


def _columns(V: Tensor) -> tuple[list[int], Tensor]:
    """The directions [K, O, I] that are not zero, and their entries as [O, K·I]."""
    active = [k for k in range(V.shape[0]) if V[k].any()]
    return active, V[active].permute(1, 0, 2).flatten(1).contiguous()

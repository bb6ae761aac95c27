"""The probe: inner products of every row's gradient with K directions, from one backward pass, no gradient stored.

For a linear layer y = W x with output gradient g_t at token t, ∂ℓ/∂W = Σ_t g_t x_tᵀ, hence
⟨∂ℓ/∂W, V⟩ = Σ_t g_tᵀ V x_t. It is the derivative of Σ_i ℓ_i with respect to a scalar ε_i that adds ε_i V x to the
output. On a LoRA B matrix x is rank-wide, so K directions cost a product of width K·R per token.

B sample, T token, I inputs, O outputs (for B matrices I is the rank R), K direction.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clues.scoring.directions import Directions


class Probe:
    """An observer (see `passes.Observer`) whose channels are inner products with the directions, per row."""

    def __init__(self, directions: Directions, channels: tuple[str, ...] | None = None) -> None:
        """`channels` names the K results; by default the directions' own names."""
        self.channels = channels or directions.names
        self.directions = directions
        self.parameters = frozenset(directions.weights)
        self._tokens: Tensor | None = None
        self._rows = 0

    def start(self, rows: int) -> None:
        """See Observer."""
        self._rows, self._tokens = rows, None

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        """Add one layer's contribution, token by token."""
        V = self.directions.weights[parameter].to(inputs.device)  # [K, O, I]
        K, O, I = V.shape
        projected = output_gradient @ V.permute(1, 0, 2).reshape(O, K * I)  # [B, T, K·I]
        terms = (projected.unflatten(-1, (K, I)) * inputs[:, :, None]).sum(-1)  # [B, T, K]
        self._tokens = terms if self._tokens is None else self._tokens + terms

    def read_tokens(self) -> Tensor:
        """Contribution of every input position, [B, T, K]; summed over T it is `read()` exactly."""
        if self._tokens is None:
            return torch.zeros(self._rows, 0, len(self.channels))
        return self._tokens

    def read(self) -> Tensor:
        """⟨∇ℓ_i, V_k⟩, [B, K]."""
        return self.read_tokens().sum(1)

"""Per-row gradients, one module at a time: for scores that are not linear in a row's gradient.

The probe has inner products without any gradient. A norm, a cosine, or Adam's step, which divides by the root of g²,
needs g itself. For a linear layer y = W x with output gradient g_t at token t, ∂ℓ_i/∂W = Σ_t g_t x_tᵀ. The gradients of
a batch, [B, O, I], are formed when a module's turn comes, reduced to a few numbers per row, and gone before the next
module's turn. On a LoRA matrix one side is only as wide as the rank, so they are smaller than the layer's own output
as soon as rows have more tokens than the rank.

‖Σ_t g_t x_tᵀ‖² = Σ_ts (g_t·g_s)(x_t·x_s) would give norms from two [T, T] products alone. At rank 8 that is slower from
40 tokens a row on (12 times or more at 512), and shorter rows cost little either way, so it is not used here.

B sample, T token, I inputs, O outputs, K direction, S number that is kept of a module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor

from clues.errors import UnsupportedModuleError
from clues.scoring.directions import Directions


class PerSample(ABC):
    """Base of observers (see `observe.Observer`) that look at every row's own gradient of one module at a time.

    A subclass says what it keeps of a module's gradients (`terms`), and what becomes of the sum over the modules
    (`result`).
    """

    def __init__(self, channels: tuple[str, ...], parameters: Iterable[str]) -> None:
        self.channels = channels
        self.parameters = frozenset(parameters)
        self.start(0)

    @abstractmethod
    def terms(self, parameter: str, g: Tensor) -> Tensor:
        """What is kept of one module's gradients g [B, O, I] of the rows: [B, S], float32."""

    def result(self, total: Tensor) -> Tensor:
        """Channels [B, channels] from terms summed over modules [B, S]; the terms themselves if not overridden."""
        return total

    def start(self, rows: int) -> None:
        """See Observer."""
        self._rows = rows
        self._terms: dict[str, Tensor] = {}

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        """See Observer. Raises UnsupportedModuleError for a module that is used twice in one pass.

        Its gradient is the sum over its uses, and no term of a part of it says anything about the sum.
        """
        if parameter in self._terms:
            raise UnsupportedModuleError(f"{parameter} is used twice in one pass: score it by inner products alone")
        self._terms[parameter] = self.terms(parameter, output_gradient.transpose(1, 2) @ inputs)

    def read(self) -> Tensor:
        """See Observer."""
        if not self._terms:
            return torch.zeros(self._rows, len(self.channels))
        return self.result(torch.stack(list(self._terms.values())).sum(0))

    def read_layers(self) -> dict[str, Tensor]:
        """The channels as if each parameter were the only one, [B, channels] by name (rank votes over modules)."""
        return {parameter: self.result(terms) for parameter, terms in self._terms.items()}


class Norms(PerSample):
    """Channel `gradient.norm`: ‖∇ℓ_i‖ over the parameters, in nats per unit of weight; exact."""

    def __init__(self, parameters: Iterable[str]) -> None:
        super().__init__(("gradient.norm",), parameters)

    def terms(self, parameter: str, g: Tensor) -> Tensor:  # noqa: ARG002
        """Squared norms [B, 1]: they add up over modules."""
        return square_norms(g)[:, None]

    def result(self, total: Tensor) -> Tensor:
        """See PerSample."""
        return total.sqrt()


class Cosine(PerSample):
    """Channels ⟨∇ℓ_i, V_k⟩ / (‖∇ℓ_i‖ ‖V_k‖), both norms over the matrices that V_k touches; exact, 0 for a zero norm.

    A matrix is touched if any entry of V_k in it is not zero. A direction that is limited to some layers asks about
    these layers: a row's gradient elsewhere is no answer, and would only make the cosine smaller the more of the
    model the direction leaves out. Within a matrix zeros count: there the direction says "do not move".
    """

    def __init__(self, directions: Directions, channels: tuple[str, ...] | None = None) -> None:
        """`channels` names the K results; by default the directions' own names."""
        super().__init__(channels or directions.names, directions.weights)
        self.directions = directions

    def terms(self, parameter: str, g: Tensor) -> Tensor:
        """⟨g, V_k⟩, ‖g‖² where V_k touches the module, and ‖V_k‖²: [B, 3 K]."""
        V = self.directions.weights[parameter].to(g.device)
        size = square_norms(V).expand(len(g), -1)
        return torch.cat([inner_products(g, V), square_norms(g)[:, None] * (size > 0), size], dim=1)

    def result(self, total: Tensor) -> Tensor:
        """See PerSample."""
        products, squares, sizes = total.chunk(3, dim=1)
        # Root by root: the product of two small squares is less than the least float32.
        return products / (squares.sqrt() * sizes.sqrt()).clamp_min(torch.finfo(torch.float32).tiny)


def inner_products(g: Tensor, V: Tensor) -> Tensor:
    """⟨g_i, V_k⟩ of g [B, O, I] and V [K, O, I]: [B, K]."""
    return g.flatten(1) @ V.flatten(1).T


def square_norms(g: Tensor) -> Tensor:
    """‖g_i‖² of g [B, O, I]: [B]."""
    return g.flatten(1).square().sum(1)

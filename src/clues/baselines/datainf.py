"""DataInf (arXiv 2310.00902, Section 3): the influence function in closed form, matrix by matrix, no gradient stored.

For LoRA matrix l with d_l weights, row gradients g_il of n rows and the validation gradient v_l:

    λ_l = 0.1 · mean over i of ‖g_il‖² / d_l
    H_l = 1 / (n λ_l) · Σ_i [v_l − ⟨v_l, g_il⟩ / (λ_l + ‖g_il‖²) · g_il]
    influence of row k = −Σ_l ⟨H_l, g_kl⟩

The influence is how the validation loss changes as row k gets more weight: negative is helpful. Channels are higher for
better data, so `datainf` is +Σ_l ⟨H_l, g_kl⟩: H as the direction of a probe.

λ needs all rows before H can begin, for it stands in a denominator beside ‖g_il‖², and H needs all rows before any row
can be scored: three passes, the fewest without storing gradients. The first may be shared with any other pass over the
same rows at the same checkpoint (`SquareSums` observes along), the third with any later one.

B sample, O outputs, I inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from clues.data.encoding import Encoded
from clues.models.base import LanguageModel
from clues.scoring.directions import Directions
from clues.scoring.passes import RowsDone, gradient_pass
from clues.scoring.per_sample import PerSample, inner_products, square_norms

DAMPING = 0.1
"""λ_l as a share of the mean squared gradient entry, as in the paper."""


class _RowSums(PerSample):
    """An observer without channels that adds `terms` up over all rows of a pass, by parameter."""

    def __init__(self, parameters: Iterable[str]) -> None:
        super().__init__((), parameters)
        self.rows = 0
        self.sums: dict[str, Tensor] = {}
        """float64 on the CPU: thousands of rows are added."""

    def read(self) -> Tensor:
        """[B, 0]. Only a batch that is read counts: one that found no memory is started again, in halves."""
        for parameter, terms in self._terms.items():
            self.sums[parameter] = self.sums.get(parameter, 0) + terms.cpu().double()
        self.rows += self._rows
        return torch.zeros(self._rows, 0)


class SquareSums(_RowSums):
    """Observer: Σ_i ‖g_il‖² over the rows of a pass, from which λ comes."""

    def terms(self, parameter: str, g: Tensor) -> Tensor:  # noqa: ARG002
        """The batch's part of the sum, [1]."""
        return square_norms(g).sum(0, keepdim=True)

    def damping(self, gradient: Mapping[str, Tensor]) -> dict[str, float]:
        """λ_l by parameter, for matrices of the sizes of `gradient`; 0 where no row has a gradient."""
        return {name: DAMPING * float(s) / (self.rows * gradient[name].numel()) for name, s in self.sums.items()}


class InverseProducts(_RowSums):
    """Observer: Σ_i ⟨v_l, g_il⟩ / (λ_l + ‖g_il‖²) · g_il over the rows of a pass, from which H comes."""

    def __init__(self, gradient: Mapping[str, Tensor], damping: Mapping[str, float]) -> None:
        """Matrices with λ = 0 are left out: no row has a gradient there (A where LoRA starts), whatever H is."""
        self.damping = {name: value for name, value in damping.items() if value > 0}
        self.gradient = gradient
        super().__init__(self.damping)

    def terms(self, parameter: str, g: Tensor) -> Tensor:
        """The batch's part of the sum, [O, I]."""
        v = self.gradient[parameter].to(g.device)
        weights = inner_products(g, v[None])[:, 0] / (self.damping[parameter] + square_norms(g))
        return torch.einsum("b,boi->oi", weights, g)

    def direction(self) -> Directions:
        """H as the direction `datainf`."""
        H = {
            name: (self.gradient[name].cpu() - self.sums[name] / self.rows) / value
            for name, value in self.damping.items()
        }
        return Directions(("datainf",), {name: h.float()[None] for name, h in H.items()})


def datainf_direction(
    lm: LanguageModel,
    encoded: Sequence[Encoded],
    gradient: Mapping[str, Tensor],
    advance: RowsDone = lambda _rows: None,
) -> Directions:
    """H at the adapter the model carries, by two passes over the rows; a `Probe` with it scores them and any others.

    Args:
        encoded: the n rows whose influence is asked for, the training rows.
        gradient: v, the mean gradient of the public validation rows by parameter name (`Moments.gradient`).
        advance: called with the rows just finished, twice for every row.
    """
    squares = SquareSums(gradient)
    gradient_pass(lm, encoded, [squares], advance)
    products = InverseProducts(gradient, squares.damping(gradient))
    gradient_pass(lm, encoded, [products], advance)
    return products.direction()

"""The published score (CLUES, NeurIPS 2024, Section 3.2; arXiv 2507.03004): dot and Adam as its released code has them,
and three variants of its text.

S(z) = mean over checkpoints of η_t ⟨·, ḡ_val(θ_t)⟩ with ḡ_val the mean gradient of the plain loss over the public
validation rows, over the A and B matrices. η_t is constant here, so it changes no ranking and is left out.

B sample, O outputs, I inputs, K direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clues.data.encoding import Encoded
from clues.models.adapters import layer_of, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.directions import Directions
from clues.scoring.mean_gradient import batch_gradients
from clues.scoring.observe import Observer
from clues.scoring.per_sample import PerSample, inner_products
from clues.scoring.probe import Probe

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""As coded: ε stands inside the root, and no bias correction is made."""


@dataclass(frozen=True)
class Moments:
    """What the published score needs from the public validation rows at a checkpoint, by parameter name.

    The paper's code takes Adam's moments from the optimizer of the checkpoint. In a federation that optimizer is
    spread over clients who do not share it; these are the values it settles at on the public rows: the mean of the
    batch gradients and of their squares.
    """

    gradient: dict[str, Tensor]
    """[O, I] each; ḡ_val, and Adam's m"""
    square: dict[str, Tensor]
    """[O, I] each; Adam's v"""

    def observers(self) -> list[Observer]:
        """Observers for the channels `published.dot` and `published.adam`."""
        return [Probe(self.direction("published.dot")), AdamForm(self, self.direction("published.adam"))]

    def variants(self) -> list[Observer]:
        """Observers for `published.adam-written`, `published.dot-first` and `published.adam-first`.

        As written: Γ on both sides, ⟨Γ(∇ℓ(z)), Γ(ḡ)⟩; where the text leaves its details open, Γ is the coded step.
        First: both coded forms in the first LoRA layer alone, which the paper offers as its cheaper variant.
        """
        written = {name: self.step(name, g)[None] for name, g in self.gradient.items()}
        first = self.first_layer()
        return [
            AdamForm(self, Directions(("published.adam-written",), written)),
            Probe(first.direction("published.dot-first")),
            AdamForm(first, first.direction("published.adam-first")),
        ]

    def direction(self, name: str) -> Directions:
        """ḡ_val as a direction called `name`."""
        return Directions((name,), {parameter: g[None] for parameter, g in self.gradient.items()})

    def step(self, parameter: str, g: Tensor) -> Tensor:
        """Γ(g): where Adam would step after the gradient g [..., O, I] of a parameter; see `adam_step`."""
        return adam_step(g, self.gradient[parameter].to(g.device), self.square[parameter].to(g.device))

    def first_layer(self) -> Moments:
        """The same for the lowest decoder layer with an adapter: A and B of all its target modules (q and v).

        Where LoRA starts, B is 0 and the gradient of A vanishes, so there B speaks alone.
        """
        lowest = min(map(layer_of, self.gradient))
        gradient, square = ({n: t for n, t in x.items() if layer_of(n) == lowest} for x in (self.gradient, self.square))
        return Moments(gradient, square)


def validation_moments(lm: LanguageModel, encoded: Sequence[Encoded]) -> Moments:
    """Mean gradient and mean squared batch gradient of the public validation rows."""
    gradient: dict[str, Tensor] = {}
    square: dict[str, Tensor] = {}
    for rows, gradients in batch_gradients(lm, encoded, lora_parameters(lm.model)):
        share = rows / len(encoded)
        for name, g in gradients.items():
            gradient[name] = gradient.get(name, 0) + share * g
            square[name] = square.get(name, 0) + share * g.square()
    return Moments(gradient, square)


class AdamForm(PerSample):
    """Observer: ⟨Γ(∇ℓ_i), V_k⟩ per row, exact, one layer's gradients at a time."""

    def __init__(self, moments: Moments, directions: Directions) -> None:
        super().__init__(directions.names, directions.weights)
        self.moments, self.directions = moments, directions

    def terms(self, parameter: str, g: Tensor) -> Tensor:
        """Inner products [B, K] with the steps of this module."""
        return inner_products(self.moments.step(parameter, g), self.directions.weights[parameter].to(g.device))


def adam_step(g: Tensor, m: Tensor, v: Tensor) -> Tensor:
    """Γ(g) = (β₁ m + (1−β₁) g) / √(β₂ v + (1−β₂) g² + ε), entry by entry."""
    return (BETA_1 * m + (1 - BETA_1) * g) / torch.sqrt(BETA_2 * v + (1 - BETA_2) * g.square() + EPSILON)

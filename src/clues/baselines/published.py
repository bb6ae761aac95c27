"""The published score (CLUES, NeurIPS 2024, Section 3.2), in its dot and its Adam form, as its released code has them.

S(z) = mean over checkpoints of η_t ⟨·, ḡ_val(θ_t)⟩ with ḡ_val the mean gradient of the plain loss over the public
validation rows, over the A and B matrices. η_t is constant here, so it changes no ranking and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clues.data.encoding import Encoded
from clues.models.adapters import lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.directions import Directions, batch_gradients
from clues.scoring.observe import Observer
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
    square: dict[str, Tensor]

    def observers(self) -> list[Observer]:
        """Observers for the channels `published.dot` and `published.adam`."""
        dot = Directions(("published.dot",), {name: g[None] for name, g in self.gradient.items()})
        return [Probe(dot), AdamForm(self)]


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


class AdamForm:
    """Observer: ⟨(β₁ m + (1−β₁) g) / √(β₂ v + (1−β₂) g² + ε), ḡ⟩ per row, exact, one layer's gradients at a time."""

    channels: tuple[str, ...] = ("published.adam",)

    def __init__(self, moments: Moments) -> None:
        self.moments = moments
        self.parameters = frozenset(moments.gradient)

    def start(self, rows: int) -> None:
        """See Observer."""
        self._scores = torch.zeros(rows)

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        """See Observer; forms [B, O, I] gradients of this layer and reduces them at once."""
        g = output_gradient.transpose(1, 2) @ inputs
        mean, square = (m[parameter].to(g.device) for m in (self.moments.gradient, self.moments.square))
        self._scores = self._scores + adam_score(g, mean, square, mean).sum((1, 2)).cpu()

    def read(self) -> Tensor:
        """[B, 1]"""
        return self._scores[:, None]


def adam_score(g: Tensor, m: Tensor, v: Tensor, direction: Tensor) -> Tensor:
    """The Adam form, entry by entry (see AdamForm)."""
    step = (BETA_1 * m + (1 - BETA_1) * g) / torch.sqrt(BETA_2 * v + (1 - BETA_2) * g.square() + EPSILON)
    return step * direction

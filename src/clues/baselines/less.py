"""LESS (arXiv 2402.04333, Section 3): how well Adam's step on a row is aligned with the validation gradient.

S(z) = Σ_t η_t cos(Γ(∇ℓ(z; θ_t)), ∇ℓ_val(θ_t)), with Γ the step of Adam on the side of the row alone; the cosine takes
away that short answers have large gradients. η_t is constant here, so it changes no ranking and is left out.

Two things differ from the paper. Its gradients are projected to 8,192 random dimensions to be stored; here nothing is
stored, and the cosine is exact. Its validation set has several subtasks, of which the best counts; here the public
validation rows are one task.
"""

from __future__ import annotations

from torch import Tensor

from clues.scoring.per_sample import Cosine
from clues.scoring.published import Moments


class Less(Cosine):
    """Observer: the cosine of Adam's step on each row with the validation gradient; channel `less`.

    Adam's m and v are those of `Moments`, from the public rows, and the step is `published.adam_step`, the form that
    LESS's released code has as well.
    """

    def __init__(self, moments: Moments) -> None:
        super().__init__(moments.direction("less"))
        self.moments = moments

    def terms(self, parameter: str, g: Tensor) -> Tensor:
        """See Cosine, with Γ(g) in the place of g."""
        return super().terms(parameter, self.moments.step(parameter, g))

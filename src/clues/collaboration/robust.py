"""Averages that one liar, or some, cannot lead anywhere: they take no notice of what a client says it weighs.

Sources: coordinate-wise median and trimmed mean, Yin et al. 2018 (arXiv:1803.01498); Krum, Blanchard et al. 2017
(arXiv:1703.02757). Formulas: docs/METHOD.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from clues.collaboration.state import State


def median(states: Mapping[str, State]) -> dict[str, Tensor]:
    """The middle value of every weight; of an even number, the mean of the two in the middle."""
    return _of_sorted(states, (len(states) - 1) // 2)


def trimmed_mean(states: Mapping[str, State], trim: int) -> dict[str, Tensor]:
    """The mean of every weight without its `trim` largest and `trim` smallest values."""
    return _of_sorted(states, min(trim, (len(states) - 1) // 2))


def krum(moved: Mapping[str, Tensor], liars: int) -> str:
    """The client whose update is nearest to its n - liars - 2 nearest others, in the sum of squared distances; of equal
    ones the first by name. `moved`: what each update moved, flat."""
    names = sorted(moved)
    near = max(1, len(names) - liars - 2)

    def score(name: str) -> float:
        squares = sorted(float((moved[name] - moved[other]).square().sum()) for other in names if other != name)
        return sum(squares[:near])

    return min(names, key=score)


def _of_sorted(states: Mapping[str, State], trim: int) -> dict[str, Tensor]:
    """The mean of what is left of every weight's sorted values when `trim` are cut from both ends."""

    def mean(key: str) -> Tensor:
        stacked = torch.stack([torch.as_tensor(state[key]) for state in states.values()])
        kept = stacked.double().sort(dim=0).values[trim : len(states) - trim]
        return kept.mean(dim=0).to(stacked.dtype)

    return {key: mean(key) for key in next(iter(states.values()))}

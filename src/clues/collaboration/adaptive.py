"""Client weights that lower the public validation loss of the averaged adapter.

The average is Σ_k w_k · a_k with w on the simplex, so the loss falls along w_k by ⟨∇ℓ(average), a_k⟩: again an inner
product with what a client sent. K numbers are fitted, not an adapter: little can be overfitted to a small public set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clues.collaboration.aggregate import average, simplex
from clues.collaboration.state import State

LossAndGradient = Callable[[dict[str, torch.Tensor]], tuple[float, State]]
"""From an adapter to its mean loss on the validation set and the gradient of that, by the adapter's own names."""


@dataclass(frozen=True)
class AdaptiveWeights:
    weights: dict[str, float]
    """Of each client; they add up to 1."""
    losses: list[float]
    """Validation loss at the start and after each step that was taken; it never rises."""


def adaptive_weights(
    states: Mapping[str, State],
    loss_and_gradient: LossAndGradient,
    evaluations: int = 20,
    start: Mapping[str, float] | None = None,
) -> AdaptiveWeights:
    """Exponentiated-gradient descent over the clients' weights, in the order of their names; deterministic.

    evaluations: calls of `loss_and_gradient`, the only cost. start: weights to begin with, equal if None; a client
    that starts at 0 stays there. A step that does not lower the loss is taken back and tried shorter. Raises
    ValueError when the loss at the start is not finite.
    """
    names = sorted(states)
    adapters = [states[name] for name in names]
    weights = simplex([1.0 if start is None else start[name] for name in names])
    loss, slopes = _at(weights, adapters, loss_and_gradient)
    if not np.isfinite(loss):
        raise ValueError(f"the validation loss of the averaged adapter is {loss}; check the adapters and the data")
    losses = [loss]
    # The first step changes the ratio of two weights by at most e, whatever the scale of loss and adapters.
    rate = 1 / max(float(np.ptp(slopes)), np.finfo(float).tiny)
    for _ in range(evaluations - 1):
        trial = simplex(weights * np.exp(-rate * (slopes - slopes.min())))
        trial_loss, trial_slopes = _at(trial, adapters, loss_and_gradient)
        if trial_loss < loss:
            weights, loss, slopes, rate = trial, trial_loss, trial_slopes, 2 * rate
            losses.append(loss)
        else:
            rate /= 4
    return AdaptiveWeights(dict(zip(names, weights.tolist(), strict=True)), losses)


def _at(
    weights: NDArray[np.float64], adapters: Sequence[State], loss_and_gradient: LossAndGradient
) -> tuple[float, NDArray[np.float64]]:
    """Loss at the average and its derivative by each weight [K]."""
    loss, gradient = loss_and_gradient(average(adapters, weights.tolist()))
    return float(loss), np.array([_inner(gradient, adapter) for adapter in adapters])


def _inner(a: State, b: State) -> float:
    return sum(float((torch.as_tensor(a[key]).double() * torch.as_tensor(b[key]).double()).sum()) for key in b)

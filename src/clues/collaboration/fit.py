"""Which of a round's updates are fit to be averaged: none farther than any training can come, none against the others.

An update is what a client's training moved, Δ = its adapter - the adapter that was sent. Formulas: docs/METHOD.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from clues.collaboration.state import State

Unfit = Literal["norm", "direction", "loss"]
"""Why an update is not fit: it is too far, does not agree with the others, or makes the public rows less likely."""
By = Literal["direction", "loss", "nothing"]
"""What the updates were judged by, beside their norms."""

MEDIANS = 4.0
"""An update this many times as far as the median one is none; honest ones are within a factor of 2 (same optimizer)."""
DEVIATIONS = 4.0
"""Standard deviations by which an update must agree with the sum of the others more than noise does: one honest-looking
noise in 30,000. Of d weights, noise has a cosine of 1 / √d to anything."""
MOST_CHANCE = 0.05
"""The cosine that is asked for at most, where an adapter is so small that noise reaches far."""
WORSE = 0.02
"""Nats by which an update may make the public validation rows less likely, where nothing else can be told."""
_BETA1, _BETA2 = 0.9, 0.999  # of the Trainer's AdamW, see training.local


@dataclass(frozen=True)
class Limits:
    """What is known of the trainings that the updates come from."""

    learning_rate: float
    loss: Callable[[State], float]
    """Mean NLL of the public validation rows under an adapter, in nats per token. Asked only where directions do not
    tell: with two updates, or where most agree with nobody."""


@dataclass(frozen=True)
class Fitness:
    """The judgement on the updates of one round."""

    unfit: dict[str, Unfit]
    by: By


def judge(
    moved: Mapping[str, Tensor], steps: Mapping[str, int], sent: State, states: Mapping[str, State], limits: Limits
) -> Fitness:
    """Which updates are unfit. `moved`: Δ of each client, flat; `steps`: optimizer steps that each made."""
    far: dict[str, Unfit] = named(too_far(moved, steps, limits.learning_rate), "norm")
    left = {name: delta for name, delta in moved.items() if name not in far}
    unfit = far | named(farther_than_most(left, steps), "norm")
    left = {name: delta for name, delta in left.items() if name not in unfit}
    if len(left) < 2:
        return Fitness(unfit, "nothing")
    against = against_the_others(left)
    if against is not None:
        return Fitness(unfit | named(against, "direction"), "direction")
    worse = _worse(sent, {name: states[name] for name in left}, limits.loss)
    return Fitness(unfit | named(worse, "loss"), "loss")


def named(clients: Iterable[str], code: Unfit) -> dict[str, Unfit]:
    """The code of each of these clients."""
    return dict.fromkeys(clients, code)


def flat(state: State, sent: State) -> Tensor:
    """What an update moved, as one float32 vector, in the order of the names."""
    return torch.cat(
        [(torch.as_tensor(state[k]).float() - torch.as_tensor(sent[k]).float()).reshape(-1) for k in sorted(sent)]
    )


def reach(steps: int, learning_rate: float) -> float:
    """The farthest that AdamW can move any one weight in so many steps from a fresh start, whatever the gradients:
    Σ_t lr · (1-β1)/√(1-β2) · √(Σ_{k<t} (β1²/β2)^k) · √(1-β2^t)/(1-β1^t), by Cauchy and Schwarz; about lr a step."""
    far, ratio = 0.0, _BETA1**2 / _BETA2
    for t in range(1, steps + 1):
        mean = (1 - _BETA1) / math.sqrt(1 - _BETA2) * math.sqrt((1 - ratio**t) / (1 - ratio))
        far += learning_rate * mean * math.sqrt(1 - _BETA2**t) / (1 - _BETA1**t)
    return far


def too_far(moved: Mapping[str, Tensor], steps: Mapping[str, int], learning_rate: float) -> list[str]:
    """Clients with a weight that no training of these steps moves so far."""
    bound = {name: reach(steps[name], learning_rate) * 1.001 + 1e-5 for name in moved}  # and float32's rounding
    return [name for name, delta in moved.items() if float(delta.abs().max()) > bound[name]]


def farther_than_most(moved: Mapping[str, Tensor], steps: Mapping[str, int]) -> list[str]:
    """Clients whose update is MEDIANS times as long as the median one, or longer by more than its steps explain.

    Of fewer than three there is no median that one cannot choose."""
    if len(moved) < 3:
        return []
    norms = {name: float(delta.norm()) for name, delta in moved.items()}
    norm, usual = _median(list(norms.values())), _median([steps[name] for name in moved])
    return [name for name, own in norms.items() if own > MEDIANS * norm * max(1.0, steps[name] / usual)]


def against_the_others(moved: Mapping[str, Tensor]) -> list[str] | None:
    """Clients whose update does not agree with the sum of the others' (all of length one) more than noise would.

    The one that agrees least is taken out, and the others are looked at again, until all agree. None where that takes
    the half of them or more: then it is open who is right.
    """
    left, out = list(moved), []
    unit = torch.stack([delta / delta.norm().clamp_min(1e-30) for delta in moved.values()])
    gram = dict(zip(moved, (unit @ unit.T).double().tolist(), strict=True))
    column = {name: i for i, name in enumerate(moved)}
    chance = min(DEVIATIONS / math.sqrt(unit.shape[1]), MOST_CHANCE)

    def agreement(name: str) -> float:
        others = [column[other] for other in left if other != name]
        length = sum(gram[a][b] for a in left if a != name for b in others)
        return sum(gram[name][other] for other in others) / math.sqrt(max(length, 1e-30))

    while len(left) > 1:
        worst = min(left, key=agreement)
        if agreement(worst) > chance:
            return out
        if len(out) == (len(moved) - 1) // 2:
            return None
        left.remove(worst)
        out.append(worst)
    return None


def _worse(sent: State, states: Mapping[str, State], loss: Callable[[State], float]) -> list[str]:
    """Clients whose adapter makes the public rows less likely by more than WORSE; none where all do."""
    before = loss(sent)
    worse = [name for name, state in states.items() if not loss(state) <= before + WORSE]
    return worse if len(worse) < len(states) else []


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2

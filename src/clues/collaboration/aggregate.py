"""One adapter from the adapters of several clients: which updates are fit to be used, what each weighs, the average.

The average is over the LoRA factors, as FedAvg does it. A product of averages is not the average of products; from a
common start and after few steps the two are close.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from clues.collaboration import robust
from clues.collaboration.fit import By, Limits, Unfit, flat, judge, named, too_far
from clues.collaboration.state import State
from clues.config.names import Robust
from clues.config.rules import ROBUST_NEEDS
from clues.errors import NoUpdateError

Refusal = Literal["count", "keys", "shape", "type", "not finite"] | Unfit
"""Why an update was not used. A code, never a text: it is shown to others than its client."""


@dataclass(frozen=True)
class Update:
    """What a client sends back."""

    state: State
    examples: int
    """Rows it trained on (the kept ones)."""
    steps: int = 1
    """Optimizer steps it made."""


@dataclass(frozen=True)
class Averaging:
    """How the updates of a round become one adapter."""

    weights: Literal["uniform", "samples"] = "samples"
    most_weight: float = 1.0
    """The largest share of one client; an equal share is always allowed."""
    robust: Robust = "none"
    least: int = 1
    """Fewest usable updates that make a round."""
    limits: Limits | None = None
    """What the updates are judged by; None: nothing but their shapes, and that they are finite."""


@dataclass(frozen=True)
class Aggregate:
    state: dict[str, torch.Tensor]
    weights: dict[str, float]
    """Weight of each client that was used; they add up to 1. Medians and trimmed means are of all alike."""
    refused: dict[str, Refusal]
    judged_by: By = "nothing"


def aggregate(updates: Mapping[str, Update], sent: State, how: Averaging = Averaging()) -> Aggregate:
    """Average the usable updates of one round, in the order of the clients' names so that arrival changes nothing.

    sent: the adapter the clients started from; an update must have its names and shapes. A bad update is refused and
    named, never averaged. Raises NoUpdateError when fewer than `how.least` are left.
    """
    usable, refused, by = fit_updates(updates, sent, how)
    states = {name: update.state for name, update in usable.items()}
    match how.robust:
        case "none":
            weights = client_weights({n: update.examples for n, update in usable.items()}, how.weights, how.most_weight)
            state = average(list(states.values()), list(weights.values()))
            return Aggregate(state, weights, refused, by)
        case "median":
            return Aggregate(robust.median(states), _alike(states), refused, by)
        case "trimmed-mean":
            trim = max(0, max(1, len(updates) // 4) - len(refused))
            return Aggregate(robust.trimmed_mean(states, trim), _alike(states), refused, by)
        case "krum":
            liars = max(0, (len(updates) - 3) // 2 - len(refused))
            name = robust.krum({n: flat(state, sent) for n, state in states.items()}, liars)
            return Aggregate({k: torch.as_tensor(t) for k, t in states[name].items()}, {name: 1.0}, refused, by)


def fit_updates(
    updates: Mapping[str, Update], sent: State, how: Averaging
) -> tuple[dict[str, Update], dict[str, Refusal], By]:
    """Updates fit to be averaged, codes for the others, and what they were judged by.

    A robust average judges directions itself: with one, only what no training can send is refused. Raises NoUpdateError
    when too few are left.
    """
    usable, refused = usable_updates(updates, sent)
    by: By = "nothing"
    if how.limits is not None and usable:
        moved = {name: flat(update.state, sent) for name, update in usable.items()}
        steps = {name: update.steps for name, update in usable.items()}
        if how.robust == "none":
            fitness = judge(moved, steps, sent, {n: update.state for n, update in usable.items()}, how.limits)
            unfit, by = fitness.unfit, fitness.by
        else:
            unfit = named(too_far(moved, steps, how.limits.learning_rate), "norm")
        refused |= unfit
        usable = {name: update for name, update in usable.items() if name not in unfit}
    _check_enough(usable, refused, how, len(updates))
    return usable, dict(sorted(refused.items())), by


def _check_enough(usable: Mapping[str, Update], refused: Mapping[str, Refusal], how: Averaging, answered: int) -> None:
    reasons = ", ".join(f"{name}: {code}" for name, code in refused.items()) or "no client answered"
    if len(usable) < max(how.least, 1):
        number = "no usable update" if not usable else f"{len(usable)} usable updates, and {how.least} are the fewest,"
        raise NoUpdateError(f"{number} in this round ({reasons}); see the clients' own logs")
    if answered < (needs := ROBUST_NEEDS[how.robust]):
        raise NoUpdateError(f"{how.robust} needs {needs} clients ({reasons}); resume when the others are back")


def _alike(states: Mapping[str, State]) -> dict[str, float]:
    return dict.fromkeys(states, 1 / len(states))


def usable_updates(updates: Mapping[str, Update], sent: State) -> tuple[dict[str, Update], dict[str, Refusal]]:
    """Updates that can be averaged at all and codes for the others, both in the order of the clients' names."""
    usable: dict[str, Update] = {}
    refused: dict[str, Refusal] = {}
    for name in sorted(updates):
        code = refusal(updates[name], sent)
        if code is None:
            usable[name] = updates[name]
        else:
            refused[name] = code
    return usable, refused


def refusal(update: Update, sent: State) -> Refusal | None:
    """Why this update must not be averaged, or None: one NaN, or one negative count, would poison all clients."""
    count = update.examples
    if isinstance(count, bool) or not math.isfinite(count) or count <= 0:
        return "count"
    if update.state.keys() != sent.keys():
        return "keys"
    if any(tuple(update.state[key].shape) != tuple(sent[key].shape) for key in sent):
        return "shape"
    if any("float" not in str(tensor.dtype) for tensor in update.state.values()):
        return "type"
    if not all(bool(torch.as_tensor(tensor).isfinite().all()) for tensor in update.state.values()):
        return "not finite"
    return None


def client_weights(
    examples: Mapping[str, int], how: Literal["uniform", "samples"], most: float = 1.0
) -> dict[str, float]:
    """Weight of each client, adding up to 1: the same for all, or by its number of rows, which it states itself, but no
    more than `most` (or an equal share, if that is more): what is cut is shared among the others."""
    shares = simplex([1 if how == "uniform" else count for count in examples.values()])
    return dict(zip(examples, _capped(shares, most).tolist(), strict=True))


def _capped(shares: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    most = max(most, 1 / len(shares))
    full = np.zeros(len(shares), bool)
    while (over := ~full & (shares > most + 1e-12)).any():
        full |= over
        rest = shares[~full].sum()
        shares = np.where(full, most, shares * (1 - most * full.sum()) / (rest if rest > 0 else 1))
    return shares


def simplex(weights: Sequence[float]) -> NDArray[np.float64]:
    """`weights` divided by their sum. Raises ValueError for a weight that is negative or not finite, or a sum of 0."""
    shares = np.asarray(weights, np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any() or not shares.sum() > 0:
        raise ValueError(f"weights are {list(weights)}; they must be finite and not negative, and one must be positive")
    return shares / shares.sum()


def average(states: Sequence[State], weights: Sequence[float]) -> dict[str, torch.Tensor]:
    """Σ_k weight_k · state_k, weights made to add up to 1, summed in float64 and given back in each tensor's dtype."""
    shares = simplex(weights)
    if len(shares) != len(states):
        raise ValueError(f"{len(states)} adapters and {len(shares)} weights: one weight per adapter is needed")

    def mean(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        total = torch.zeros_like(tensors[0], dtype=torch.float64)
        for share, tensor in zip(shares.tolist(), tensors, strict=True):
            total += share * tensor
        return total.to(tensors[0].dtype)

    return {key: mean([torch.as_tensor(state[key]) for state in states]) for key in states[0]}

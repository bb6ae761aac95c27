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

from clues.errors import NoUpdateError

State = Mapping[str, torch.Tensor | NDArray[np.floating]]
"""An adapter: tensors, or arrays as they come from the wire, by the names PEFT gives them in a saved adapter."""

Refusal = Literal["count", "keys", "shape", "type", "not finite"]
"""Why an update was not used. A code, never a text: it is shown to others than its client."""


@dataclass(frozen=True)
class Update:
    """What a client sends back."""

    state: State
    examples: int
    """Rows it trained on (the kept ones)."""


@dataclass(frozen=True)
class Aggregate:
    state: dict[str, torch.Tensor]
    weights: dict[str, float]
    """Weight of each client that was used; they add up to 1."""
    refused: dict[str, Refusal]


def aggregate(updates: Mapping[str, Update], sent: State, how: Literal["uniform", "samples"] = "samples") -> Aggregate:
    """Average the usable updates of one round, in the order of the clients' names so that arrival changes nothing.

    sent: the adapter the clients started from; an update must have its names and shapes. A bad update is refused and
    named, never averaged. Raises NoUpdateError when none is left.
    """
    usable, refused = usable_updates(updates, sent)
    weights = client_weights({name: update.examples for name, update in usable.items()}, how)
    state = average([update.state for update in usable.values()], list(weights.values()))
    return Aggregate(state, weights, refused)


def usable_updates(updates: Mapping[str, Update], sent: State) -> tuple[dict[str, Update], dict[str, Refusal]]:
    """Updates fit to be averaged and codes for the others, both in the order of the clients' names."""
    usable: dict[str, Update] = {}
    refused: dict[str, Refusal] = {}
    for name in sorted(updates):
        code = refusal(updates[name], sent)
        if code is None:
            usable[name] = updates[name]
        else:
            refused[name] = code
    if not usable:
        reasons = ", ".join(f"{name}: {code}" for name, code in refused.items()) or "no client answered"
        raise NoUpdateError(f"no usable update in this round ({reasons}); see the clients' own logs")
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


def client_weights(examples: Mapping[str, int], how: Literal["uniform", "samples"]) -> dict[str, float]:
    """Weight of each client, adding up to 1: the same for all, or by its number of rows."""
    shares = simplex([1 if how == "uniform" else count for count in examples.values()])
    return dict(zip(examples, shares.tolist(), strict=True))


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

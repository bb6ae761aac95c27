"""All rivals' scores of one world, from what was read under the warm-up's checkpoints and the folds' adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clues_research.labels import rivals

EARLY = 8
"""Step whose checkpoint EL2N and GraNd are read at: their papers read them early."""


@dataclass(frozen=True)
class Read:
    """Log-likelihoods of options, [R + n, K] each: the client rows, then the anchors."""

    base: np.ndarray
    checkpoints: Mapping[int, np.ndarray]
    """Optimizer step -> under the adapter after it."""
    folds: Mapping[int, np.ndarray]
    """Passes -> client rows under an adapter that did not train on their client, anchors under the first fold's."""
    regression: np.ndarray | None
    """[R, K] by the regression on embeddings; None where rows have no classes. Anchors are no part of it."""


def scores(read: Read, given: np.ndarray, clients: int) -> dict[str, np.ndarray]:
    """Scorer -> [R + n], NaN for anchors where a scorer has no use for them; higher is better data.

    Args:
        given: [R + n] place of the label that a row says; `clients`: R.
    """
    steps = sorted(read.checkpoints)
    over = np.stack([read.checkpoints[k] for k in steps])
    found = {"loss@base": rivals.loss(read.base, given)}
    found |= {f"loss@{k}": rivals.loss(read.checkpoints[k], given) for k in steps}
    found |= {
        f"el2n@{steps[0]}": rivals.el2n(over[0], given),
        "aum": rivals.aum(over, given),
        "cartography.confidence": rivals.confidence(over, given),
        "cartography.variability": rivals.variability(over, given),
        "cartography.correctness": rivals.correctness(over, given),
    }
    for passes, logits in read.folds.items():
        found |= _cleanlab(f"cleanlab.folds-{passes}", logits, given, clients)
    if read.regression is not None:
        found |= _cleanlab("cleanlab.embeddings", read.regression, given[:clients], clients)
    return {name: _with_anchors(values, len(given)) for name, values in found.items()}


def _cleanlab(name: str, logits: np.ndarray, given: np.ndarray, clients: int) -> dict[str, np.ndarray]:
    """Its scores, and 1 or 0 for what its own rule keeps; estimates over rows are over those of the clients."""
    own, said = logits[:clients], given[:clients]
    return {
        f"{name}.self-confidence": rivals.self_confidence(logits, given),
        f"{name}.margin": rivals.normalized_margin(logits, given),
        f"{name}.confident": rivals.confident_learning(own, said),
        f"{name}.kept": rivals.confident_kept(own, said).astype(float),
    }


def _with_anchors(values: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([values, np.full(rows - len(values), np.nan)])

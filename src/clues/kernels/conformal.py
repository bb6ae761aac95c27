"""Conformal p-values of rows against anchors: full, by likelihood ratios of good against spoiled; or by rank alone.

N rows, n anchors, C channels, J criteria, m spoiled public rows of a criterion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Array = np.ndarray

CHUNK = 512
"""Rows calibrated at once: bounds the [rows, n, C] arrays."""
SHRINKAGE = 0.2
"""Share of the diagonal in every covariance: some dozens of rows do not tell correlations well."""


@dataclass(frozen=True)
class Calibration:
    """What the anchors say about each row; higher is better everywhere."""

    evidence: np.ndarray
    """[N, J] log-likelihood ratio of each criterion, in nats: above 0 a row looks good, below 0 spoiled. For scores
    without spoiled rows see `rank_conformal`."""
    p_criterion: np.ndarray
    """[N, J] share of the n + 1 that are not better in this criterion."""
    statistic: np.ndarray
    """[N] the worst criterion's evidence."""
    p: np.ndarray
    """[N] share of the n + 1 whose statistic is not higher."""


def full_conformal(
    rows: Float[Array, "N C"],
    anchors: Float[Array, "n C"],
    spoiled: Sequence[Float[Array, "_ C"]],
    criteria: Sequence[Sequence[int]],
) -> Calibration:
    """Let each row join the anchors, compute the statistic of all n + 1 anew, and rank.

    A criterion is the log-likelihood ratio of its channels under two normal distributions of one covariance: that of
    the n + 1, and that of public rows that were spoiled for it (Fisher's linear discriminant). The statistic is the
    worst criterion, for one failure is enough and good marks elsewhere must not buy it back. Every step treats the
    n + 1 alike and the spoiled rows are none of them, so p is exactly valid for a row that is exchangeable with the
    anchors: P(p <= α) <= α (full conformal prediction, Vovk et al. 2005, Section 2.2).

    Args:
        rows: [N, C] channels, finite. anchors: [n, C], n >= 1, finite.
        spoiled: per criterion [m, C], m >= 2, finite.
        criteria: J groups of channel indices.
    """
    parts = [_calibrate(rows[i : i + CHUNK], anchors, spoiled, criteria) for i in range(0, max(len(rows), 1), CHUNK)]
    return Calibration(*(np.concatenate([getattr(part, f) for part in parts]) for f in Calibration.__annotations__))


def _calibrate(
    rows: np.ndarray, anchors: np.ndarray, spoiled: Sequence[np.ndarray], criteria: Sequence[Sequence[int]]
) -> Calibration:
    N, n = len(rows), len(anchors)
    everyone = np.empty((N, n + 1, rows.shape[1]))
    everyone[:, :n] = anchors
    everyone[:, n] = rows
    ratios = np.stack(
        [likelihood_ratio(everyone[:, :, list(c)], bad[:, list(c)]) for bad, c in zip(spoiled, criteria, strict=True)],
        axis=2,
    )  # [N, n + 1, J]
    worst = ratios.min(axis=2)
    return Calibration(
        evidence=ratios[:, n],
        p_criterion=_rank(ratios),
        statistic=worst[:, n],
        p=_rank(worst[:, :, None])[:, 0],
    )


def rank_conformal(rows: Float[Array, " N"], anchors: Float[Array, " n"]) -> Calibration:
    """Scores of which nothing is known but that higher is better: each row's rank among the n + 1.

    p is exactly valid for a row that is exchangeable with the anchors, as in `full_conformal`: here the score itself
    says how well a row conforms, and nothing is fitted. Evidence is the distance to the anchors' mean in their standard
    deviations: a number to read and to draw, which ranks as the score does.

    Args:
        rows: [N] scores, finite. anchors: [n], n >= 1, finite.
    """
    spread = anchors.std()
    evidence = (rows - anchors.mean()) / (spread if spread > 0 else 1.0)
    lower = np.searchsorted(np.sort(anchors), rows + 1e-12 * np.abs(rows), side="right")  # ties as in _rank
    p = (lower + 1) / (len(anchors) + 1)
    return Calibration(evidence[:, None], p[:, None], evidence, p)


def likelihood_ratio(good: Float[Array, "N n C"], spoiled: Float[Array, "m C"]) -> Float[Array, "N n"]:
    """log p(x | good) − log p(x | spoiled) of every x among `good` [N, n, C], one fit per N; -> [N, n].

    Both classes are normal with the pooled covariance of `good` and `spoiled` [m, C], shrunk towards its diagonal.
    """
    n, m = good.shape[1], len(spoiled)
    mean = good.mean(axis=1)  # [N, C]
    bad_mean = spoiled.mean(axis=0)  # [C]
    inside = good - mean[:, None]
    scatter = np.einsum("Nnc,Nnd->Ncd", inside, inside) + (spoiled - bad_mean).T @ (spoiled - bad_mean)
    covariance = _shrunk(scatter / (n + m))
    weights = np.linalg.solve(covariance, (mean - bad_mean)[:, :, None])[:, :, 0]  # [N, C]
    middle = (mean + bad_mean) / 2
    return np.einsum("Nnc,Nc->Nn", good - middle[:, None], weights)


def _shrunk(covariance: np.ndarray) -> np.ndarray:
    variances = np.einsum("Ncc->Nc", covariance)
    # A channel in which all rows are equal says nothing: any variance will do, for its weight is zero.
    diagonal = np.where(variances > 0, variances, 1.0)[:, :, None] * np.eye(covariance.shape[1])
    return (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal


def _rank(values: np.ndarray) -> np.ndarray:
    """Share of the n + 1 (axis 1) that are not higher than the last one. Rounding must not break ties."""
    last = values[:, -1:]
    return (values <= last + 1e-12 * np.abs(last)).mean(axis=1)

"""Conformal p-values of rows against anchors, and the evidence that rows are ranked by.

N rows, n anchors, m public validation rows, C channels, J criteria.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray

ENOUGH = 30
"""Anchors of a row's own kind that it is held against them alone: with fewer the bar depends on each of them."""
SHRINKAGE = 0.2
"""Share of the diagonal in every covariance: some dozens of rows do not tell correlations well."""


@dataclass(frozen=True)
class Calibration:
    """What the anchors say about each row; higher is better everywhere."""

    evidence: np.ndarray
    """[N, J] log-likelihood ratio of each criterion, in nats: above 0 a row looks good, below 0 spoiled; NaN where it
    does not judge the row."""
    p_criterion: np.ndarray
    """[N, J] share of the n + 1 that are not better in this criterion."""
    statistic: np.ndarray
    """[N] the worst criterion's evidence; infinite where no criterion judges the row."""
    p: np.ndarray
    """[N] share of the n + 1 whose statistic is not higher."""
    like: np.ndarray
    """[N] n, the anchors that the row was held against; 0 where nothing can be told of it."""


@dataclass(frozen=True)
class Discriminant:
    """log p(x | good) − log p(x | spoiled), both normal with one covariance (Fisher's linear discriminant)."""

    weights: np.ndarray
    """[C]"""
    middle: np.ndarray
    """[C] where both are equally likely"""

    @staticmethod
    def fit(good: Float[Array, "m C"], spoiled: Float[Array, "k C"]) -> Discriminant:
        """The covariance is pooled over both classes and shrunk towards its diagonal."""
        means = good.mean(axis=0), spoiled.mean(axis=0)
        inside = np.concatenate([good - means[0], spoiled - means[1]])
        covariance = inside.T @ inside / len(inside)
        # A channel in which all rows are equal says nothing: any variance will do, for its weight is zero. Equal means
        # but for rounding.
        variances, size = np.diag(covariance), np.abs(np.concatenate([good, spoiled])).max(axis=0)
        diagonal = np.diag(np.where(variances > (1e-12 * size) ** 2, variances, 1.0))
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal
        return Discriminant(np.linalg.solve(shrunk, means[0] - means[1]), (means[0] + means[1]) / 2)

    def evidence(self, x: Float[Array, "N C"]) -> Float[Array, " N"]:
        """The log-likelihood ratio in nats; NaN for a row without a value in some channel."""
        return (x - self.middle) @ self.weights


def conformal(
    rows: Float[Array, "N J"],
    anchors: Float[Array, "n J"],
    kinds: tuple[Int[Array, " N"], Int[Array, " n"]] | None = None,
) -> Calibration:
    """Rank each row's evidence, and its worst criterion's, among the anchors like it and the row.

    One failure is enough and good marks elsewhere must not buy it back, so the statistic is the worst criterion.
    Neither rows nor anchors have a part in what evidence is; so p is exactly valid for a row that is exchangeable with
    the anchors: P(p <= α) <= α (split conformal prediction, Vovk, Gammerman and Shafer 2005, Section 4.1; within a
    kind, which a row's text alone decides, their Mondrian prediction, Section 4.5).

    Anchors like a row are those of its kind that are judged by the same criteria, where there are `ENOUGH`; else those
    of its kind that are judged by these criteria at least; else all of these, by these criteria alone. A row that no
    criterion judges, or with no anchor to be held against, has a p of 1: there is nothing against it.

    Args:
        rows: [N, J] evidence, NaN where a criterion does not judge the row. anchors: [n, J] likewise.
        kinds: of the rows and of the anchors, such as the task they are of; None: all are of one.
    """
    of_rows, of_anchors = kinds or (np.zeros(len(rows), int), np.zeros(len(anchors), int))
    p_criterion = np.full(rows.shape, np.nan)
    statistic, p, like = np.full(len(rows), np.inf), np.ones(len(rows)), np.zeros(len(rows), int)
    has, anchor_has = np.isfinite(rows), np.isfinite(anchors)
    keys = np.column_stack([of_rows, has])
    for kind, *pattern in np.unique(keys, axis=0):
        judged = np.array(pattern, bool)
        mine = (keys == [kind, *pattern]).all(axis=1)
        covers = anchor_has[:, judged].all(axis=1)
        mates = [(of_anchors == kind) & (anchor_has == judged).all(axis=1), (of_anchors == kind) & covers, covers]
        some = anchors[next((m for m in mates if m.sum() >= ENOUGH), covers)]
        if not judged.any() or not len(some):
            continue
        like[mine] = len(some)
        statistic[mine] = rows[np.ix_(mine, judged)].min(axis=1)
        p[mine] = _rank(statistic[mine], some[:, judged].min(axis=1))
        for j in np.flatnonzero(judged):
            p_criterion[mine, j] = _rank(rows[mine, j], some[:, j])
    return Calibration(rows, p_criterion, statistic, p, like)


def in_deviations(rows: Float[Array, " N"], anchors: Float[Array, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of which nothing is known but that higher is better, as evidence: their distance to the anchors' mean in
    the anchors' standard deviations, a number to read and to draw, which ranks as the score does."""
    spread = anchors.std() if anchors.std() > 0 else 1.0
    return (rows - anchors.mean()) / spread, (anchors - anchors.mean()) / spread


def _rank(values: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """(1 + #{anchors not higher}) / (n + 1), NaN for NaN. Rounding must not break ties."""
    not_higher = np.searchsorted(np.sort(anchors), values + 1e-12 * np.abs(values), side="right")
    return np.where(np.isnan(values), np.nan, (not_higher + 1) / (len(anchors) + 1))

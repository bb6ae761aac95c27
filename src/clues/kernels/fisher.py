"""Fisher's discriminant among rows of which only inner products are known.

n public rows in J + 1 classes, R rows.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

Array = np.ndarray

RIDGE = 0.03
"""Share of the mean eigenvalue added to the covariance; 0.01 to 0.1 differ little (docs/research/LOG.md)."""


LEAST = 1e-12
"""Of a row's mean squared length: a shorter difference is rounding, and is not made longer."""


def discriminant(
    gram: Float[Array, "n n"],
    classes: Int[Array, " n"],
    spoiled: int,
    ridge: float = RIDGE,
    alike: Int[Array, " n"] | None = None,
) -> Float[Array, " n"]:
    """The direction that tells class 0 from another best, as weights of the rows: w = (S + λI)⁻¹ (μ₀ − μ_spoiled).

    S is the covariance within the classes, of all of them: what rows of one class differ in anyway says nothing of the
    class. w lies in the span of the rows, so their inner products are enough, however many numbers a row has (kernel
    Fisher discriminant, Mika et al. 1999, with the inverse by Woodbury's identity). Its length is 1, or 0 where
    the classes do not differ.

    Args:
        gram: inner products of the rows. classes: 0 for good; −1 for a row that has no part.
        spoiled: the class to be told from class 0; both need a row.
        ridge: λ in units of the mean eigenvalue of S.
        alike: rows of one number carry the same label. The difference is then the mean over labels of that between
            good and spoiled rows with this label, as far as both have it: what labels differ in is no sign of damage,
            and a rare label counts as much as a common one.
    """
    used = np.flatnonzero(classes >= 0)
    means = {one: (classes == one) / (classes == one).sum() for one in np.unique(classes[used])}
    difference = means[0] - means[spoiled] if alike is None else _by_label(classes, spoiled, alike)
    centred = np.eye(len(classes))[used] - np.stack([means[one] for one in classes[used]])
    scatter = centred @ gram @ centred.T
    size = LEAST * np.trace(gram) / len(gram)
    if not size:
        return np.zeros(len(classes))
    damping = ridge * np.trace(scatter) / len(used) + size
    inside = np.linalg.solve(scatter + damping * np.eye(len(used)), centred @ (gram @ difference))
    w = difference - centred.T @ inside
    length = w @ gram @ w
    return w / np.sqrt(length) if length > size else np.zeros(len(classes))


def _by_label(classes: Int[Array, " n"], spoiled: int, alike: Int[Array, " n"]) -> Float[Array, " n"]:
    """The mean of class 0 less that of the spoiled, as weights of the rows: label by label where both have one."""
    both = np.intersect1d(alike[classes == 0], alike[classes == spoiled])
    groups = [alike == one for one in both] or [np.ones(len(classes), bool)]
    parts = [_mean((classes == 0) & group) - _mean((classes == spoiled) & group) for group in groups]
    return np.mean(parts, axis=0)


def _mean(rows: Bool[Array, " n"]) -> Float[Array, " n"]:
    return rows / rows.sum()

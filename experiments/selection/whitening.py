"""Directions that are not only where good and spoiled rows differ, but where they differ more than rows of a class do.

Fisher's discriminant in the space of gradients: w = (S + λI)⁻¹ (mean good − mean spoiled), S the covariance within the
classes of public rows. It lies in the span of the public rows' gradients, so inner products among gradients are all
that is needed (kernel Fisher discriminant; Mika et al. 1999).
"""

from __future__ import annotations

import numpy as np


def coefficients(gram: np.ndarray, classes: np.ndarray, good: int, spoiled: int, ridge: float) -> np.ndarray:
    """The direction as weights on n public rows [n], of unit length.

    Args:
        gram: [n, n] inner products among the rows' gradients.
        classes: [n] class of a row; −1 for one that is left out.
        good, spoiled: the classes whose means are told apart; all classes count for the covariance.
        ridge: λ in units of the mean eigenvalue of the covariance.
    """
    a = (classes == good) / (classes == good).sum() - (classes == spoiled) / (classes == spoiled).sum()
    used = np.flatnonzero(classes >= 0)
    center = np.eye(len(classes))[used]
    for one in np.unique(classes[used]):
        members = classes == one
        center[np.ix_(classes[used] == one, members)] -= 1 / members.sum()
    scatter = center @ gram @ center.T
    damping = ridge * np.trace(scatter) / len(used)
    w = a - center.T @ np.linalg.solve(scatter + damping * np.eye(len(used)), center @ (gram @ a))
    return w / np.sqrt(w @ gram @ w)


def whitened(
    gram: np.ndarray, public: np.ndarray, classes: np.ndarray, blocks: np.ndarray, spoiled: int, ridge: float
) -> np.ndarray:
    """[R] inner products of all rows' gradients with the direction of a class against class 0.

    A public row is held against the direction that is made without its block, the others against the mean of these.

    Args:
        gram: [R, n] inner products of rows with public rows; public: [n] which of the R rows those are.
        classes, blocks: [n] of the public rows.
    """
    among = gram[public]
    directions = [coefficients(among, np.where(blocks == b, -1, classes), 0, spoiled, ridge) for b in np.unique(blocks)]
    values = gram @ np.mean(directions, axis=0)
    for b, direction in zip(np.unique(blocks), directions, strict=True):
        own = public[blocks == b]
        values[own] = gram[own] @ direction
    return values

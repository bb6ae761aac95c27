"""The product's directions from inner products that a table's warm-up left: Fisher's discriminant for each block."""

from __future__ import annotations

import numpy as np

from clues.kernels.fisher import discriminant


def whitened(
    gram: np.ndarray, public: np.ndarray, classes: np.ndarray, blocks: np.ndarray, spoiled: int, ridge: float
) -> np.ndarray:
    """[R] inner products of all rows' gradients with the direction of a class against class 0.

    A public row is held against the direction that is made without its block, the others against the mean of these.

    Args:
        gram: [R, n] inner products of rows with public rows; public: [n] which of the R rows those are.
        classes, blocks: [n] of the public rows; class −1 has no part in the covariance.
    """
    among = gram[public]
    directions = [discriminant(among, np.where(blocks == b, -1, classes), spoiled, ridge) for b in np.unique(blocks)]
    values = gram @ np.mean(directions, axis=0)
    for b, direction in zip(np.unique(blocks), directions, strict=True):
        own = public[blocks == b]
        values[own] = gram[own] @ direction
    return values

"""Directions from inner products with public rows' gradients, each made without a block of the public rows.

A row of a block is held against the directions made without it, every other row against the mean of all.
"""

from __future__ import annotations

import numpy as np

from clues.kernels.fisher import discriminant


def whitened(
    gram: np.ndarray, public: np.ndarray, classes: np.ndarray, blocks: np.ndarray, spoiled: int, ridge: float
) -> np.ndarray:
    """[R] inner products of all rows' gradients with Fisher's discriminant of a class against class 0, the product's.

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


def contrasted(products: np.ndarray, public: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """[..., R, 1 + C] inner products with the mean gradient of class 0, the good rows, and with good − spoiled of each
    of the C other classes: differences of mean gradients.

    Args:
        products: [..., R, (1 + C) m] of all rows with the public rows, class after class.
        public: [(1 + C) m] which of the R rows those are.
        blocks: [m] of the rows of a class.
    """
    by_class = products.reshape(*products.shape[:-1], -1, len(blocks))
    means = np.stack([by_class[..., blocks == b].mean(-1) for b in np.unique(blocks)], axis=-1)
    allowed = np.ones((products.shape[-2], means.shape[-1]))
    allowed[public, np.tile(blocks, by_class.shape[-2])] = 0
    found = (means * allowed[:, None]).sum(-1) / allowed.sum(1)[:, None]
    return np.concatenate([found[..., :1], found[..., :1] - found[..., 1:]], axis=-1)

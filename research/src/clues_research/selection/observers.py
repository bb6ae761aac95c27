"""What a table's gradient pass reads beyond the product's channels: layer by layer, block by block."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from clues.models.adapters import layer_of
from clues.scoring.criteria import CRITERIA

LAYER_SHARES = (0, 0.26, 0.34, 0.44, 0.54, 0.61, 0.73, 0.87, 1)
"""Edges of the groups of layers, as shares of the depth; the product's criteria begin at 0.26, and an ablation's have
edges at 0.26 and 0.73."""


class LayerGroups:
    """Which of the groups of layers a parameter is in."""

    def __init__(self, depth: int) -> None:
        self.edges = [round(share * depth) for share in LAYER_SHARES]
        self.count = len(LAYER_SHARES) - 1

    def of(self, parameter: str) -> int:
        layer = layer_of(parameter)
        return max(group for group in range(self.count) if self.edges[group] <= layer)

    @property
    def read(self) -> list[int]:
        """Groups in the layers that the product's criteria are read in, whose edges are edges of groups."""
        layers = CRITERIA[0].layer_range(self.edges[-1])
        return [g for g in range(self.count) if self.edges[g] in layers]

    @property
    def names(self) -> list[str]:
        """`L<first>-<last>` of every group."""
        return [f"L{self.edges[g]}-{self.edges[g + 1] - 1}" for g in range(self.count)]


def gram(G: Mapping[str, Tensor], public: np.ndarray, groups: LayerGroups) -> tuple[np.ndarray, np.ndarray]:
    """From the gradients themselves, parameter -> [R, numbers in it], for every group of layers: inner products with
    those of the public rows [groups, R, n] and squared norms [groups, R]."""
    rows = len(next(iter(G.values())))
    products = np.zeros((groups.count, rows, len(public)), np.float32)
    squares = np.zeros((groups.count, rows), np.float32)
    for name, part in G.items():
        products[groups.of(name)] += (part @ part[public].T).numpy()
        squares[groups.of(name)] += part.square().sum(1).numpy()
    return products, squares


def singular_vectors(G: Tensor, rank: int) -> tuple[Tensor, list[float], list[float]]:
    """The first right singular vectors [rank, P] of the rows' gradients G, the singular values, and the mean row's
    coordinates: the subspace of GIST (arXiv 2602.18584), what most of the validation gradients have in common.
    """
    _, values, V = torch.linalg.svd(G, full_matrices=False)
    return V[:rank], values[:rank].tolist(), (V[:rank] @ G.mean(0)).tolist()

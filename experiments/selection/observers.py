"""What a table's gradient pass reads beyond the product's channels: layer by layer, block by block."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from clues.models.adapters import layer_of
from clues.scoring.criteria import CRITERIA, Criterion

RELEVANCE = next(c for c in CRITERIA if c.name == "relevance")
LAYER_SHARES = (0, 0.26, 0.34, 0.44, 0.54, 0.61, 0.73, 0.87, 1)
"""Edges of the groups of layers, as shares of the depth; 0.26 and 0.73 are edges of the product's criteria."""


class LayerGroups:
    """Which of the groups of layers a parameter is in."""

    def __init__(self, depth: int) -> None:
        self.edges = [round(share * depth) for share in LAYER_SHARES]
        self.count = len(LAYER_SHARES) - 1

    def of(self, parameter: str) -> int:
        layer = layer_of(parameter)
        return max(group for group in range(self.count) if self.edges[group] <= layer)

    def within(self, criterion: Criterion | None) -> list[int]:
        """Groups in the layers of a criterion, whose edges are edges of groups; those of relevance for none."""
        layers = (criterion or RELEVANCE).layer_range(self.edges[-1])
        return [g for g in range(self.count) if self.edges[g] in layers]

    @property
    def names(self) -> list[str]:
        """`L<first>-<last>` of every group."""
        return [f"L{self.edges[g]}-{self.edges[g + 1] - 1}" for g in range(self.count)]


class Kept:
    """Observer: the gradients themselves, so that any direction can be held against them afterwards.

    Its channel `place` says which row of `matrix` a row of the pass became.
    """

    channels: tuple[str, ...] = ("place",)

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.parameters = frozenset(shapes)
        self.batches: list[Tensor] = []
        self.places = 0

    def start(self, rows: int) -> None:
        self.rows, self._gradients = rows, {}

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        self._gradients[parameter] = (output_gradient.transpose(1, 2) @ inputs).flatten(1)

    def read(self) -> Tensor:
        self.batches.append(torch.cat([self._gradients[name] for name in self.shapes], dim=1))
        self.places += self.rows
        return torch.arange(self.places - self.rows, self.places, dtype=torch.float32)[:, None]

    def matrix(self, place: np.ndarray) -> Tensor:
        """[rows, P] in the order of the pass, from its channel `place`."""
        return torch.cat(self.batches)[torch.from_numpy(place.astype(int))]

    @property
    def sizes(self) -> list[int]:
        """Numbers in each parameter."""
        return [math.prod(shape) for shape in self.shapes.values()]

    def split(self, vectors: Tensor) -> dict[str, Tensor]:
        """[K, P] -> parameter -> [K, O, I]."""
        parts = vectors.split(self.sizes, dim=1)
        return {name: part.reshape(-1, *self.shapes[name]) for name, part in zip(self.shapes, parts, strict=True)}


def gram(G: Tensor, public: np.ndarray, kept: Kept, groups: LayerGroups) -> tuple[np.ndarray, np.ndarray]:
    """From the gradients G [R, P] themselves, for every group of layers: inner products with those of the public rows
    [groups, R, n] and squared norms [groups, R]."""
    products = np.zeros((groups.count, len(G), len(public)), np.float32)
    squares = np.zeros((groups.count, len(G)), np.float32)
    for name, part in zip(kept.shapes, G.split(kept.sizes, dim=1), strict=True):
        products[groups.of(name)] += (part @ part[public].T).numpy()
        squares[groups.of(name)] += part.square().sum(1).numpy()
    return products, squares


def singular_vectors(G: Tensor, rank: int) -> tuple[Tensor, list[float], list[float]]:
    """The first right singular vectors [rank, P] of the rows' gradients G, the singular values, and the mean row's
    coordinates: the subspace of GIST (arXiv 2602.18584), what most of the validation gradients have in common.
    """
    _, values, V = torch.linalg.svd(G, full_matrices=False)
    return V[:rank], values[:rank].tolist(), (V[:rank] @ G.mean(0)).tolist()

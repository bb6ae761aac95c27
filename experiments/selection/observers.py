"""What a table's gradient pass reads beyond the product's channels: layer by layer, block by block."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from clues.models.adapters import layer_of
from clues.scoring.directions import Directions
from clues.scoring.per_sample import PerSample, inner_products, square_norms

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

    @property
    def names(self) -> list[str]:
        """`L<first>-<last>` of every group."""
        return [f"L{self.edges[g]}-{self.edges[g + 1] - 1}" for g in range(self.count)]


class ByGroup(PerSample):
    """Inner products with K directions and the squared norm, for every group of layers: [B, (K + 1) groups]."""

    def __init__(self, directions: Directions, groups: LayerGroups) -> None:
        self.directions, self.groups = directions, groups
        what = [*directions.names, "square"]
        super().__init__(tuple(f"{w}|{g}" for g in groups.names for w in what), directions.weights)

    def terms(self, parameter: str, g: Tensor) -> Tensor:
        V = self.directions.weights[parameter].to(g.device)
        found = torch.cat([inner_products(g, V), square_norms(g)[:, None]], dim=1)
        total = found.new_zeros(len(g), self.groups.count, found.shape[1])
        total[:, self.groups.of(parameter)] = found
        return total.flatten(1)


class Kept:
    """Observer: the gradients themselves of a few rows, so that products among them need no second pass.

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

    def split(self, vectors: Tensor) -> dict[str, Tensor]:
        """[K, P] -> parameter -> [K, O, I]."""
        parts = vectors.split([math.prod(shape) for shape in self.shapes.values()], dim=1)
        return {name: part.reshape(-1, *self.shapes[name]) for name, part in zip(self.shapes, parts, strict=True)}


def by_group(G: Tensor, directions: Directions, groups: LayerGroups) -> dict[str, np.ndarray]:
    """What `ByGroup` reads, from the gradients G [rows, P] themselves: channel -> [rows]."""
    observer, place = ByGroup(directions, groups), 0
    observer.start(len(G))
    total = torch.zeros(len(G), len(observer.channels))
    for name, V in directions.weights.items():
        size = V[0].numel()
        total += observer.terms(name, G[:, place : place + size].reshape(len(G), *V.shape[1:]))
        place += size
    return dict(zip(observer.channels, total.T.numpy(), strict=True))


def singular_vectors(G: Tensor, rank: int) -> tuple[Tensor, list[float], list[float]]:
    """The first right singular vectors [rank, P] of the rows' gradients G, the singular values, and the mean row's
    coordinates: the subspace of GIST (arXiv 2602.18584), what most of the validation gradients have in common.
    """
    _, values, V = torch.linalg.svd(G, full_matrices=False)
    return V[:rank], values[:rank].tolist(), (V[:rank] @ G.mean(0)).tolist()

"""Rows' gradients themselves, of a few public rows: what directions are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from clues.data.encoding import Encoded
from clues.models.base import LanguageModel
from clues.scoring.passes import gradient_pass


class Gathered:
    """Observer: keeps the gradients of the rows of a pass, in the order in which they come.

    Its channel `place` says which row of `matrix` a row of the pass became.
    """

    channels: tuple[str, ...] = ("place",)

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """`shapes`: parameter -> shape of its gradient."""
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.parameters = frozenset(shapes)
        self.batches: list[Tensor] = []
        self.places = 0

    @property
    def sizes(self) -> list[int]:
        """Numbers in each parameter."""
        return [math.prod(shape) for shape in self.shapes.values()]

    def start(self, rows: int) -> None:
        """See Observer."""
        self.rows = rows
        self._gradients: dict[str, Tensor] = {}

    def observe(self, parameter: str, inputs: Tensor, output_gradient: Tensor) -> None:
        """See Observer. A module that is used twice has the sum of both."""
        found = (output_gradient.transpose(1, 2) @ inputs).flatten(1)
        self._gradients[parameter] = self._gradients.get(parameter, 0) + found

    def read(self) -> Tensor:
        """See Observer: [B, 1]."""
        self.batches.append(torch.cat([self._gradients[name].cpu() for name in self.shapes], dim=1))
        self.places += self.rows
        return torch.arange(self.places - self.rows, self.places, dtype=torch.float32)[:, None]

    def matrix(self, place: np.ndarray) -> Tensor:
        """[rows, P] float32 in the order of the pass, from its channel `place`."""
        return torch.cat(self.batches)[torch.from_numpy(place.astype(int))]

    def split(self, vectors: Tensor) -> dict[str, Tensor]:
        """[K, P] -> parameter -> [K, O, I]."""
        parts = vectors.split(self.sizes, dim=1)
        return {name: part.reshape(-1, *self.shapes[name]) for name, part in zip(self.shapes, parts, strict=True)}


def row_gradients(
    lm: LanguageModel, encoded: Sequence[Encoded], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """∇ℓ_i of every row with respect to some parameters: parameter -> [rows, numbers in it], float32 on the CPU."""
    gathered = Gathered(shapes)
    matrix = gathered.matrix(gradient_pass(lm, encoded, [gathered])["place"])
    return dict(zip(gathered.shapes, matrix.split(gathered.sizes, dim=1), strict=True))

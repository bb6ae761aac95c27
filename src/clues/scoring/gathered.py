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

    Its channel `place` says where a row of the pass is kept.
    """

    channels: tuple[str, ...] = ("place",)

    def __init__(self, shapes: Mapping[str, Sequence[int]], rows: int) -> None:
        """`shapes`: parameter -> shape of its gradient. `rows` that all passes have together."""
        self.parameters = frozenset(shapes)
        self.kept = {name: torch.zeros(rows, math.prod(shape)) for name, shape in shapes.items()}
        self.places = 0

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
        end = self.places + self.rows
        for name, found in self._gradients.items():
            self.kept[name][self.places : end] = found.cpu()
        self.places, begin = end, self.places
        return torch.arange(begin, end, dtype=torch.float32)[:, None]

    def take(self, place: np.ndarray) -> dict[str, Tensor]:
        """Parameter -> [rows, numbers in it] float32 in the order of the pass, from its channel `place`.

        Nothing is left here, so that no more than one parameter is in memory twice."""
        at = torch.from_numpy(place.astype(int))
        return {name: self.kept.pop(name)[at] for name in list(self.kept)}


def row_gradients(
    lm: LanguageModel, encoded: Sequence[Encoded], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """∇ℓ_i of every row with respect to some parameters: parameter -> [rows, numbers in it], float32 on the CPU."""
    gathered = Gathered(shapes, len(encoded))
    return gathered.take(gradient_pass(lm, encoded, [gathered])["place"])

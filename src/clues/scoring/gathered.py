"""Rows' gradients themselves, of a few public rows: what directions are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from clues.data.encoding import Encoded
from clues.models.base import LanguageModel
from clues.scoring.passes import gradient_pass

MOST_BYTES = 2**31
"""Of public rows' gradients that are kept in memory at once."""


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


class PartedGradients:
    """Gradients of rows, a part of the parameters at a time; the last part read stays in memory."""

    def __init__(self, lm: LanguageModel, encoded: Sequence[Encoded], shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.lm, self.encoded = lm, encoded
        self.parts = list(_parts(shapes, len(encoded)))
        self._last, self._found = -1, dict[str, Tensor]()

    def gradients(self, part: int) -> dict[str, Tensor]:
        """Parameter -> [rows, numbers in it]."""
        if part != self._last:
            self._found = {}  # gone before the next is made
            self._last, self._found = part, row_gradients(self.lm, self.encoded, self.parts[part])
        return self._found


def _parts(shapes: Mapping[str, tuple[int, ...]], rows: int) -> Iterator[dict[str, tuple[int, ...]]]:
    """The parameters in parts whose gradients of all rows fit into `MOST_BYTES`; at least one parameter each."""
    part: dict[str, tuple[int, ...]] = {}
    size = 0
    for name, shape in shapes.items():
        own = 4 * rows * math.prod(shape)
        if part and size + own > MOST_BYTES:
            yield part
            part, size = {}, 0
        part[name], size = shape, size + own
    yield part

"""The public validation rows as the model sees them, good and spoiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clues.config import SettingError
from clues.data.damage import spoiled
from clues.data.encoding import Encoded
from clues.data.prepare import Prepared, prepare_rows
from clues.data.rows import Row
from clues.models.base import LanguageModel
from clues.scoring.criteria import CRITERIA, Criterion


@dataclass(frozen=True)
class Validation:
    """The public validation rows as tokens, and copies of them spoiled for each criterion."""

    good: list[Encoded]
    spoiled: dict[str, Prepared]
    """Criterion -> the same rows in the same order, spoiled."""

    @property
    def all_spoiled(self) -> Prepared:
        """The spoiled rows of all criteria, one criterion after the other."""
        parts = self.spoiled.values()
        return Prepared([r for p in parts for r in p.rows], [e for p in parts for e in p.encoded], [])

    def by_criterion(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """A channel of `all_spoiled`, taken apart."""
        return dict(zip(self.spoiled, np.split(values, len(self.spoiled)), strict=True))

    @property
    def halves(self) -> tuple[slice, slice]:
        """Two halves, taken in turns so that both hold all sources."""
        return slice(0, None, 2), slice(1, None, 2)


def encode_validation(
    rows: Sequence[Row], lm: LanguageModel, seed: int, criteria: Sequence[Criterion] = CRITERIA
) -> Validation:
    """Encode the rows and spoil them once per criterion; the same seed spoils the same way at every checkpoint.

    Raises SettingError for fewer than four rows, or a row that leaves no token: each half must give a direction.
    """

    def tokens(some: Sequence[Row]) -> Prepared:
        prepared = prepare_rows(some, lm.tokenizer, lm.settings.max_length)
        if prepared.set_aside:
            raise SettingError(f"a public validation row cannot be used: {prepared.set_aside[0].reason}")
        return prepared

    if len(rows) < 4:
        raise SettingError(f"{len(rows)} public validation rows: at least four are needed, some dozens are better")
    return Validation(tokens(rows).encoded, {c.name: tokens(spoiled(rows, c.spoiling, seed)) for c in criteria})

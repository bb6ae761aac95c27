"""The public validation rows as the model sees them, good and spoiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clues.data.damage import spoiled
from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.models.base import LanguageModel
from clues.scoring.criteria import CRITERIA, Criterion


@dataclass(frozen=True)
class Validation:
    """The public validation rows as tokens, and their spoiled copies by kind of damage."""

    good: list[Encoded]
    spoiled: dict[str, list[Encoded]]


def encode_validation(
    rows: Sequence[Row], lm: LanguageModel, seed: int, criteria: Sequence[Criterion] = CRITERIA
) -> Validation:
    """Encode the rows and spoil them once per criterion; the same seed spoils the same way at every checkpoint."""

    def tokens(some: Sequence[Row]) -> list[Encoded]:
        return [encode(row, lm.tokenizer, lm.settings.max_length) for row in some]

    kinds = [c.spoiling for c in criteria if c.spoiling]
    return Validation(tokens(rows), {kind: tokens(spoiled(rows, kind, seed)) for kind in kinds})

"""Does the bar work here? Without labels an owner can still know how much damage it would catch: public rows are
spoiled in every known way and put to the bar, each against the anchors it is not one of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clues.config import SelectionSettings
from clues.data.damage import KINDS, CannotSpoil, spoiled
from clues.data.prepare import Prepared, prepare_rows
from clues.models.base import LanguageModel
from clues.selection.bar import Bar, Channels
from clues.selection.select import select

ROWS_PER_KIND = 16
"""Enough to tell a kind that is caught from one that is not; the cost is this many rows per kind and checkpoint."""


@dataclass(frozen=True)
class SpoiledAnchors:
    """Anchors, spoiled in every kind of damage that is possible on them."""

    prepared: Prepared
    kinds: list[str]
    origin: list[int]
    """Position of the anchor that each spoiled row was made from."""

    @staticmethod
    def make(anchors: Prepared, lm: LanguageModel, seed: int) -> SpoiledAnchors:
        """The first anchors in every kind; a kind that is impossible on them is left out."""
        chosen = anchors.rows[:ROWS_PER_KIND]
        rows, kinds, origin = [], [], []
        for kind in KINDS:
            try:
                made = spoiled(chosen, kind, seed)
            except CannotSpoil:
                continue
            rows += made
            kinds += [kind] * len(made)
            origin += range(len(made))
        prepared = prepare_rows(rows, lm.tokenizer, lm.settings.max_length)
        if len(prepared.rows) != len(rows):
            raise ValueError(f"{prepared.set_aside[0].reason}: a spoiled anchor cannot be scored")
        return SpoiledAnchors(prepared, kinds, origin)

    def measure(self, channels: Channels, bar: Bar, settings: SelectionSettings) -> dict[str, Any]:
        """The content of power.json: per kind how many of the spoiled rows have p at or under alpha."""
        caught: dict[str, list[bool]] = {}
        for i, (kind, origin) in enumerate(zip(self.kinds, self.origin, strict=True)):
            row = {name: values[i : i + 1] for name, values in channels.items()}
            p = select(row, bar.without(origin), settings).p[0]
            caught.setdefault(kind, []).append(bool(p <= settings.alpha))
        kinds = {kind: {"caught": sum(found), "rows": len(found)} for kind, found in caught.items()}
        return {"alpha": settings.alpha, "kinds": kinds}

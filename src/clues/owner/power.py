"""Does the bar work here? Without labels an owner can still know how much damage it would catch: public rows are
spoiled and put to the bar, none of which has a part in it. And do the shaded words point at what is wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from clues.data.damage.spoil import KINDS, spoiled
from clues.data.prepare import Prepared, prepare_rows
from clues.data.rows import Row
from clues.errors import CannotSpoil
from clues.folders.explanations import ExplanationsFile
from clues.folders.power import KindPower, Shading
from clues.models.base import LanguageModel
from clues.scoring.channel import Channels
from clues.scoring.contributions import Words, words_of
from clues.selection.bar import Bar
from clues.selection.select import calibrate
from clues.statistics.ranking import auc

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

    def measure(self, channels: Channels, bar: Bar) -> dict[str, KindPower]:
        """Per kind the p of every spoiled anchor, by the bar without its original."""
        p: dict[str, list[float]] = {}
        for i, (kind, origin) in enumerate(zip(self.kinds, self.origin, strict=True)):
            p.setdefault(kind, []).append(_p(channels, i, bar.without(origin)))
        return {kind: KindPower(tuple(values)) for kind, values in p.items()}

    def shading(self, anchors: Sequence[Row], explanations: ExplanationsFile) -> Shading:
        """`shading` of the anchors with noise in them; explanations: of all spoiled anchors."""
        noisy = [i for i, kind in enumerate(self.kinds) if kind == "noise"]
        good, bad = [anchors[self.origin[i]] for i in noisy], [self.prepared.rows[i] for i in noisy]
        return shading(good, bad, explanations)


def power_of_bar(bar: Bar) -> dict[str, KindPower]:
    """The same from the bar alone: its spoiled rows, each put to the bar that lacks it."""
    kinds = {}
    for criterion in bar.criteria:
        channels = bar.spoiled[criterion.name]
        count = len(next(iter(channels.values())))
        p = (_p(channels, i, bar.without_spoiled(criterion.name, i)) for i in range(count))
        kinds[criterion.spoiling] = KindPower(tuple(p))
    return kinds


def _p(channels: Channels, row: int, bar: Bar) -> float:
    return float(calibrate({name: np.asarray(values)[row : row + 1] for name, values in channels.items()}, bar).p[0])


def shading(good: Sequence[Row], noisy: Sequence[Row], explanations: ExplanationsFile) -> Shading:
    """Do noise words speak against a row's fluency more than the row's own words do?

    Args:
        good: rows. noisy: the same rows with words put in anywhere.
        explanations: of a folder that holds the noisy rows.

    Returns `auc`, the mean over rows of the chance that a noise word ranks above one of the row's own, and `rows`;
    nothing where no row has both.
    """
    terms = explanations.read([row.id for row in noisy], ("fluency",))
    areas = []
    for before, after in zip(good, noisy, strict=True):
        words = words_of(after.response, terms[after.id].start, terms[after.id].terms)
        areas.append(auc(_own_words(before.response, after.response), words.value["fluency"][:-1]))
    found = [area for area in areas if area is not None]
    return Shading(float(np.mean(found)), len(found)) if found else Shading()


def _own_words(before: str, after: str) -> np.ndarray:
    """[W] bool, which words of the second text are the first one's own."""
    old, new = Words.texts(before), Words.texts(after)
    own = np.zeros(len(new), bool)
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        own[block.b : block.b + block.size] = True
    return own

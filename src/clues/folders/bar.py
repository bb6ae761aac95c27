"""anchors.json: the bar that rows were put to, and where the anchors themselves stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from clues.config import SelectionSettings
from clues.folders.files import FLAT
from clues.scoring.channel import SCORE, channels_among
from clues.scoring.criteria import criteria_stated, stated
from clues.selection.bar import Bar
from clues.selection.cautions import Caution, about_bar
from clues.selection.rules import bar_level
from clues.selection.select import select

Numbers = Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class StoredBar:
    """The content of anchors.json."""

    settings: SelectionSettings = field(metadata=FLAT)
    n: int
    """Anchors."""
    level: float | None = field(kw_only=True)
    """A row whose worst criterion is below it is dropped; None where the rule has none that is known beforehand."""
    criteria: Mapping[str, tuple[str, ...]]
    """Criterion -> the channels that count."""
    channels: Numbers
    """Channel -> [n] of the anchors."""
    bar: Numbers
    """See `Bar.to_arrays`."""
    evidence: Numbers
    """Criterion -> [n] of the anchors, nats."""
    statistic: tuple[float, ...]
    """[n] the worst of it."""

    @staticmethod
    def of(bar: Bar, settings: SelectionSettings) -> StoredBar:
        """What is kept of a bar under these settings."""
        own = select(bar.anchors, bar, settings)
        return StoredBar(
            settings,
            bar.size,
            {name: tuple(columns) for name, columns in stated(bar.criteria).items()},
            _numbers(bar.anchors),
            _numbers(bar.to_arrays()),
            {name: tuple(own.evidence[:, j].tolist()) for j, name in enumerate(own.criteria)},
            tuple(own.statistic.tolist()),
            level=bar_level(settings, own.statistic),
        )

    @property
    def cautions(self) -> list[Caution]:
        """What a reader must know before trusting the bar."""
        counted = [channel for columns in self.criteria.values() for channel in channels_among(columns)]
        is_evidence = all(channel.kind != SCORE for channel in counted)
        return about_bar(self.statistic, self.settings.rule, self.settings.alpha, is_evidence)

    def to_bar(self) -> Bar:
        """The bar, to put other rows to."""
        return Bar.from_arrays(self.bar, criteria_stated(self.criteria))


def _numbers(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(np.asarray(values, float).tolist()) for name, values in arrays.items()}

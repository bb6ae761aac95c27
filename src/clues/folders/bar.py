"""anchors.json: the bar that rows were put to, and where the anchors themselves stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clues.config import SelectionSettings
from clues.folders.files import FLAT
from clues.scoring.channel import FORWARD, SCORE, channels_among
from clues.scoring.criteria import criteria_stated, stated
from clues.selection.bar import Bar
from clues.selection.cautions import Caution, about_bar, about_left_out
from clues.selection.rules import bar_level
from clues.selection.seen import LeftOut
from clues.selection.select import select

Numbers = Mapping[str, tuple[float | None, ...]]
"""None where a row has no such value."""


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
    left_out: tuple[LeftOut, ...]
    """Criteria and channels that have no say."""
    channels: Numbers
    """Channel -> [n] of the anchors."""
    bar: Numbers
    """See `Bar.to_arrays`."""
    evidence: Numbers
    """Criterion -> [n] of the anchors, nats."""
    statistic: tuple[float | None, ...]
    """[n] the worst of it; None for an anchor that no criterion judges."""

    @staticmethod
    def of(bar: Bar, settings: SelectionSettings) -> StoredBar:
        """What is kept of a bar under these settings."""
        own = select(bar.anchors, bar, settings)
        return StoredBar(
            settings,
            bar.size,
            {name: tuple(columns) for name, columns in stated(bar.criteria).items()},
            bar.left_out,
            _numbers(bar.anchors),
            _numbers(bar.to_arrays()),
            {name: _told(own.evidence[:, j]) for j, name in enumerate(own.criteria)},
            _told(own.statistic),
            level=bar_level(settings, own.statistic) if len(set(own.like.tolist())) == 1 and own.judged.all() else None,
        )

    @property
    def cautions(self) -> list[Caution]:
        """What a reader must know before trusting the bar."""
        counted = [channel for columns in self.criteria.values() for channel in channels_among(columns)]
        is_evidence = all(channel.kind != SCORE for channel in counted)
        forward = all(channel.kind == FORWARD for channel in counted)
        return [
            *about_left_out(self.left_out, forward),
            *about_bar(self.statistics, self.settings.rule, self.settings.alpha, is_evidence),
        ]

    @property
    def judged(self) -> dict[str, list[float]]:
        """Criterion -> evidence of the anchors that it judges."""
        return {name: _known(values) for name, values in self.evidence.items()}

    @property
    def statistics(self) -> list[float]:
        """The statistic of the anchors that any criterion judges."""
        return _known(self.statistic)

    def to_bar(self) -> Bar:
        """The bar, to put other rows to."""
        return Bar.from_arrays(
            {name: np.array(values, float) for name, values in self.bar.items()},
            criteria_stated(self.criteria),
            self.left_out,
        )


def _numbers(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[float | None, ...]]:
    return {name: _told(values) for name, values in arrays.items()}


def _told(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in np.asarray(values, float).tolist())


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]

"""Selection: a client's rows against the bar, each with its p-values and, if dropped, its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clues.config import SelectionSettings
from clues.errors import SelectionError
from clues.kernels.conformal import Calibration, Discriminant, conformal, in_deviations
from clues.scoring.channel import Channel, Channels
from clues.scoring.forward import on_its_scale
from clues.selection.bar import Bar
from clues.selection.rules import keep_rows


@dataclass(frozen=True)
class Selection:
    """What becomes of N rows, by J criteria."""

    criteria: tuple[str, ...]
    evidence: np.ndarray
    """[N, J] log-likelihood ratio of good against spoiled; NaN where a row has no value in its channels."""
    p_criterion: np.ndarray
    """[N, J]"""
    statistic: np.ndarray
    """[N] the worst criterion's evidence; higher is better."""
    p: np.ndarray
    """[N]"""
    keep: np.ndarray
    """[N] bool"""

    @property
    def worst(self) -> np.ndarray:
        """[N] index of the worst criterion: the reason, where the row is dropped."""
        return np.nanargmin(self.evidence, axis=1)

    @property
    def reason(self) -> list[str]:
        """[N] the worst criterion of a dropped row, else empty."""
        return ["" if k else self.criteria[j] for k, j in zip(self.keep, self.worst, strict=True)]


def select(channels: Channels, bar: Bar, settings: SelectionSettings) -> Selection:
    """Calibrate rows (column -> [N]) against the bar and apply the rule.

    A row without a value in some channel (a truncated answer has no end token) is compared by the criteria it has, and
    with the anchors' statistic over the same criteria, so its p stays valid.

    Raises SelectionError when a channel is missing or a public row has no value in it.
    """
    found, own = calibrate(channels, bar), calibrate(bar.anchors, bar).statistic
    keep = keep_rows(settings, found.p, found.statistic, own)
    return Selection(tuple(c.name for c in bar.criteria), **vars(found), keep=keep)


def calibrate(channels: Channels, bar: Bar) -> Calibration:
    """Evidence and p-values of rows (column -> [N]) against the bar, before any rule; NaN where a row has no value.

    Raises SelectionError, see `select`.
    """
    if not bar.size:
        raise SelectionError("there is no anchor")
    rows, anchors = _by_criterion(channels, bar) if not bar.by_score else _by_score(channels, bar)
    if not np.isfinite(rows).any(axis=1).all():
        raise SelectionError("a row has no value in any channel")
    return conformal(rows, anchors)


def _by_criterion(channels: Channels, bar: Bar) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of rows [N, J] and anchors [n, J]."""
    rows, anchors = [], []
    for criterion in bar.criteria:
        public = [_table(part, criterion.channels) for part in (bar.anchors, bar.good, bar.spoiled[criterion.name])]
        if min(len(part) for part in public[1:]) < 2:
            raise SelectionError(f"there are fewer than two public rows that are good, or spoiled for {criterion.name}")
        for part in public:
            if not np.isfinite(part).all():
                odd = criterion.columns[int(np.argmin(np.isfinite(part).all(axis=0)))]
                raise SelectionError(f"a public row has no value in channel {odd}; public rows must not be truncated")
        discriminant = Discriminant.fit(public[1], public[2])
        rows.append(discriminant.evidence(_table(channels, criterion.channels)))
        anchors.append(discriminant.evidence(public[0]))
    return np.stack(rows, axis=1), np.stack(anchors, axis=1)


def _by_score(channels: Channels, bar: Bar) -> tuple[np.ndarray, np.ndarray]:
    """The same of a scorer, for which nothing is spoiled: [N, 1] and [n, 1]."""
    (scorer,) = bar.criteria
    rows, anchors = (_table(part, scorer.channels)[:, 0] for part in (channels, bar.anchors))
    for whose, values in (("an anchor", anchors), ("a row", rows)):
        if not np.isfinite(values).all():
            raise SelectionError(f"{whose} has no value in {scorer.columns[0]}; take it out")
    evidence, own = in_deviations(rows, anchors)
    return evidence[:, None], own[:, None]


def _table(table: Channels, channels: Sequence[Channel]) -> np.ndarray:
    """[rows, C] each channel on its scale."""
    for channel in channels:
        if channel.column not in table:
            raise SelectionError(
                f"channel {channel.column} is missing; score the rows with the same settings as the anchors"
            )
    return np.stack([on_its_scale(channel, np.asarray(table[channel.column], float)) for channel in channels], axis=1)

"""What share of the gap between training on everything and training on the truly clean rows a selection closes.

closed = (mixed − clues) / (mixed − oracle) in test NLL: 0 is no better than no selection, 1 is as good as knowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clues.statistics.bootstrap import interval, resampled_means


@dataclass(frozen=True)
class Losses:
    """NLL per test row of the three arms of one seed, on the same rows in the same order [N]."""

    mixed: NDArray[np.floating]
    clues: NDArray[np.floating]
    oracle: NDArray[np.floating]
    documents: Sequence[str]

    @property
    def gaps(self) -> NDArray[np.float64]:
        """What clues and what the Oracle win over mixed, per row: [N, 2]."""
        mixed = np.asarray(self.mixed, np.float64)
        return np.stack([mixed - self.clues, mixed - self.oracle], axis=1)


@dataclass(frozen=True)
class Gap:
    """The share closed with its interval, and the gap it is a share of, in nats per token.

    `closed` is None while mixed is not significantly worse than the Oracle: then there is nothing to close.
    """

    closed: float | None
    low: float | None
    high: float | None
    oracle_gap: float
    oracle_gap_low: float
    oracle_gap_high: float


def gap_closed(seeds: Sequence[Losses], resamples: int = 2000, seed: int = 0) -> Gap:
    """The ratio of the mean gaps of one or more seeds, with an interval over seeds and their documents.

    A mean of ratios would be ruled by the seed with the narrowest gap. With few seeds the interval is too narrow:
    resampling three seeds cannot show more spread than the three have. Of the resamples those without a gap, at most
    one in forty, have no share and are left out of its interval.
    """
    if not seeds:
        raise ValueError("no seed to measure a gap on")
    clues, oracle = np.mean([losses.gaps.mean(axis=0) for losses in seeds], axis=0)
    drawn = _resample(seeds, resamples, seed)
    low, high = interval(drawn[:, 1])
    if low <= 0 or any(len(set(losses.documents)) < 2 for losses in seeds):
        return Gap(None, None, None, float(oracle), low, high)
    wide = drawn[drawn[:, 1] > 0]
    return Gap(float(clues / oracle), *interval(wide[:, 0] / wide[:, 1]), float(oracle), low, high)


def _resample(seeds: Sequence[Losses], resamples: int, seed: int) -> NDArray[np.float64]:
    """Mean gaps [resamples, 2] over seeds drawn with replacement, each over its documents drawn with replacement.

    A seed that is drawn twice gets its own documents each time: slot by slot.
    """
    drawn = np.random.default_rng(seed).integers(len(seeds), size=(len(seeds), resamples))
    total = np.zeros((resamples, 2))
    for slot, chosen in enumerate(drawn):
        means = [
            resampled_means(losses.gaps, losses.documents, resamples, _stream(seed, slot, i))
            for i, losses in enumerate(seeds)
        ]
        total += np.stack(means)[chosen, np.arange(resamples)]
    return total / len(seeds)


def _stream(*parts: int) -> int:
    """A seed of its own for every combination of parts."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])

"""Means over seeds with intervals over seeds.

A seed draws rows, damage, anchors and the adapter anew, so seeds are what is repeated: intervals are Student's t over
the seeds' own values. A bootstrap over three seeds would be too narrow: it cannot leave their range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy.stats import t

from clues.statistics.bootstrap import interval, resampled_means

ANY = (-inf, inf)
SHARE = (0.0, 1.0)
"""What a share and an area under the curve can be."""
Measured = tuple[np.ndarray, Sequence[object]]
"""Values of one seed's rows [N], and the document of each."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval, over seeds or, of one seed, over documents or what else it names."""

    value: float
    low: float | None
    high: float | None
    per_seed: Mapping[int, float]


def over_seeds(per_seed: Mapping[int, float], within: tuple[float, float] = ANY) -> Estimate:
    """The mean, with Student's t interval where there are two seeds or more.

    within: what the number can be; no interval says more.
    """
    values = np.array(list(per_seed.values()))
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, None, None, dict(per_seed))
    half = float(quantile(len(values)) * values.std(ddof=1) / sqrt(len(values)))
    return Estimate(mean, max(mean - half, within[0]), min(mean + half, within[1]), dict(per_seed))


def over_rows(found: Mapping[int, Measured], within: tuple[float, float] = ANY) -> Estimate:
    """The mean over seeds of the means over rows; of one seed alone the interval is over its documents."""
    made = over_seeds({seed: float(values.mean()) for seed, (values, _) in found.items()}, within)
    if len(found) > 1:
        return made
    ((values, documents),) = found.values()
    if len(set(documents)) < 2:
        return made
    return Estimate(made.value, *interval(resampled_means(values, [str(d) for d in documents])), made.per_seed)


def ratio(part: Mapping[int, float], whole: Mapping[int, float]) -> Estimate | None:
    """The ratio of two means over the same seeds, with Fieller's interval; None where `whole` is not clearly positive.

    Fieller (1954): R is in the interval where the mean of part − R · whole is not clearly unlike zero.
    """
    a, b = (np.array([side[seed] for seed in part]) for side in (part, whole))
    if len(a) < 2:
        return None
    k = quantile(len(a)) ** 2 / len(a)
    (aa, ab), (_, bb) = np.cov(a, b)
    outer, half, inner = b.mean() ** 2 - k * bb, a.mean() * b.mean() - k * ab, a.mean() ** 2 - k * aa
    if outer <= 0 or b.mean() <= 0:
        return None
    root = sqrt(max(half**2 - outer * inner, 0.0))
    each = {seed: float(part[seed] / whole[seed]) for seed in part}
    return Estimate(float(a.mean() / b.mean()), float(half - root) / outer, float(half + root) / outer, each)


def quantile(seeds: int, share: float = 0.975) -> float:
    """Student's t for so many seeds."""
    return float(t.ppf(share, seeds - 1))

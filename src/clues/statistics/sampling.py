"""What a person's verdicts on a few rows say about all: exact bounds for a sample drawn without replacement."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

from clues.statistics.bootstrap import CONFIDENCE


def draw(ids: Iterable[str], size: int, seed: int) -> list[str]:
    """A simple random sample of `size` ids, or all, in random order: those with the smallest hashes under the seed.

    What is drawn depends on the set alone, so that a sample can be told to be one of these very rows.
    """
    return sorted(ids, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:size]


def most(found: int, sampled: int, total: int, confidence: float = CONFIDENCE) -> int:
    """Upper bound on how many of `total` rows are good when `found` of `sampled` are, with at least this confidence.

    The largest number under which `found` or fewer are drawn with more than 1 - confidence: the hypergeometric
    counterpart of Clopper and Pearson's bound (Buonaccorsi, The American Statistician 41, 1987).

    Raises ValueError unless 0 <= found <= sampled <= total.
    """
    from scipy.stats import hypergeom

    if not 0 <= found <= sampled <= total:
        raise ValueError(f"{found} of {sampled} of {total}: a part is larger than its whole")
    possible = range(found, total - (sampled - found) + 1)

    def less_likely(good: int) -> float:
        return -float(hypergeom.cdf(found, total, good, sampled))

    return possible[bisect_left(possible, confidence - 1, key=less_likely) - 1]


def interval(low: int, high: int, sampled: int, total: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Two-sided: fewest and most good rows among `total` when at least `low` and at most `high` of `sampled` are good.

    Half of what may go wrong lies on either side. low < high where some of the sample have no verdict yet.
    """
    each = (1 + confidence) / 2
    return total - most(sampled - low, sampled, total, each), most(high, sampled, total, each)

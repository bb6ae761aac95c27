"""When a claim holds: a number and its interval against a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from clues_research.reproduction.claims import NOT_ABOVE_ORACLE
from clues_research.reproduction.estimates import Estimate, quantile

Word = Literal["holds", "does not hold", "cannot tell"]
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"
MOST_SEEDS = 1000
"""Where a difference is so small that more would be needed, no number is said."""


@dataclass(frozen=True)
class Verdict:
    """Whether a number exceeds a bound."""

    word: Word
    smallest: float | None
    """Distance from the bound that would have been seen in four of five repetitions."""
    needed: int | None
    """Seeds that would decide, if the number measured were the true one; None where it is decided."""


def verdict(found: Estimate, bound: float = 0.0) -> Verdict:
    """A claim holds where the whole interval lies above the bound, does not where it lies below, else who knows.

    One seed decides nothing, whatever its rows say: it shows no spread between seeds.
    """
    seeds = len(found.per_seed)
    if seeds < 2 or found.low is None or found.high is None:
        return Verdict(UNKNOWN, None, None)
    spread = float(np.std(list(found.per_seed.values()), ddof=1))
    smallest = seen(spread, seeds)
    if found.low > bound:
        return Verdict(HOLDS, smallest, None)
    if found.high < bound:
        return Verdict(FAILS, smallest, None)
    distance = abs(found.value - bound)
    enough = (n for n in range(seeds + 1, MOST_SEEDS + 1) if distance and seen(spread, n) <= distance)
    return Verdict(UNKNOWN, smallest, next(enough, None))


def seen(spread: float, seeds: int) -> float:
    """The difference whose interval leaves out zero with a power of about 80 %, of seeds with this standard deviation.

    The sum of both quantiles of Student's t, as is usual in place of its non-central form.
    """
    return (quantile(seeds) + quantile(seeds, 0.8)) * spread / sqrt(seeds)


def together(words: Sequence[Word], comparisons: int) -> Word:
    """Of a claim that needs several comparisons: it holds where all do, and does not where one does not."""
    if FAILS in words:
        return FAILS
    return HOLDS if len(words) == comparisons and set(words) == {HOLDS} else UNKNOWN


def as_expected(name: str, word: Word, seeds: int) -> str:
    """A verdict on one of our own expectations, in words. One seed says nothing."""
    if word == HOLDS or (word == UNKNOWN and name == NOT_ABOVE_ORACLE.name and seeds > 1):
        return "as expected"
    return "the other way round" if word == FAILS else UNKNOWN

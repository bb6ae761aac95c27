"""When a claim holds: a number and its interval against a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.reproduction.claims import NOT_ABOVE_ORACLE

Word = Literal["holds", "does not hold", "cannot tell"]
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"

Z_95, Z_80 = 1.96, 0.84
"""Standard normal quantiles: of a two-sided 95 % interval, and for a power of 80 %."""


@dataclass(frozen=True)
class Verdict:
    """Whether a number exceeds a bound."""

    word: Word
    smallest: float | None
    """Distance from the bound that would have been seen in four of five repetitions."""
    needed: int | None
    """Rows that would decide, if the number measured were the true one; None where it is decided, or on the bound."""


def verdict(value: float, low: float | None, high: float | None, n: int, bound: float = 0.0) -> Verdict:
    """A claim holds where the whole interval lies above the bound, does not where it lies below, else who knows.

    The standard error is taken from the interval's width, as if it were normal, and falls with the root of n.
    """
    if low is None or high is None:
        return Verdict(UNKNOWN, None, None)
    smallest = (Z_95 + Z_80) * (high - low) / (2 * Z_95)
    if low > bound:
        return Verdict(HOLDS, smallest, None)
    if high < bound:
        return Verdict(FAILS, smallest, None)
    distance = abs(value - bound)
    return Verdict(UNKNOWN, smallest, math.ceil(n * (smallest / distance) ** 2) if distance else None)


def together(words: Sequence[Word]) -> Word:
    """Of a claim that needs several comparisons: it holds where all do, and does not where one does not."""
    if not words:
        return UNKNOWN
    if FAILS in words:
        return FAILS
    return HOLDS if set(words) == {HOLDS} else UNKNOWN


def as_expected(name: str, word: Word) -> str:
    """A verdict on one of our own expectations, in words."""
    if word == HOLDS or (word == UNKNOWN and name == NOT_ABOVE_ORACLE.name):
        return "as expected"
    return "the other way round" if word == FAILS else UNKNOWN

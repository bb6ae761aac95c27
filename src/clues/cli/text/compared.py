"""Measures with their intervals, and each adapter against the base, in words that do not say more than is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clues.cli.output import table
from clues.cli.text.words import fixed
from clues.report.comparing import is_clear

Say = Callable[[float], str]
LEVEL = 0.05
"""Of the sign-flip test, as the intervals are 95 % ones."""


@dataclass(frozen=True)
class MeasureWords:
    """How a measure is spoken of."""

    name: str
    digits: int
    lower_is_better: bool = False
    factor: float = 1


MEASURES = {
    "test_nll": MeasureWords("NLL", 4, lower_is_better=True),
    "choice_accuracy": MeasureWords("right answer, points of %", 1, factor=100),
    "mean_accuracy": MeasureWords("right, mean of tasks, points of %", 1, factor=100),
    "rouge_l": MeasureWords("ROUGE-L", 2),
    "chrf": MeasureWords("chrF", 2),
}


def measured(found: Mapping[str, Any], measure: str, say: Say) -> list[str]:
    """Two cells: a number, and its interval from the `_low` and `_high` beside it."""
    return [say(found[measure]), interval_text(found[f"{measure}_low"], found[f"{measure}_high"], say)]


def interval_text(low: float | None, high: float | None, say: Say) -> str:
    """`unknown` where one document or question says nothing about the spread."""
    return "unknown" if low is None or high is None else f"{say(low)} to {say(high)}"


def compared_text(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of differences: nothing is called better or worse that `verdict` does not find clear."""
    if not comparisons:
        return []
    head = [
        f"against {comparisons[0]['b']}",
        "measure",
        "difference",
        "95 % interval",
        "p (bootstrap)",
        "p (sign flip)",
        "finding",
    ]
    return [table([head, *map(_cells, comparisons)])]


def _cells(c: Mapping[str, Any]) -> list[str]:
    words = MEASURES[c["measure"]]

    def say(value: float) -> str:
        return fixed(words.factor * value, words.digits)

    chances = [_chance(c["p_bootstrap"]), _chance(c["p_sign_flip"])]
    shown = interval_text(c["low"], c["high"], say)
    return [c["a"], words.name, say(c["difference"]), shown, *chances, verdict(c, words.lower_is_better)]


def verdict(c: Mapping[str, Any], lower_is_better: bool) -> str:
    """Whether `a` is better than `b`: only where the interval leaves zero out and the sign-flip test agrees.

    With few documents a bootstrap interval is too narrow; the test is exact there.
    """
    if c["low"] is None:
        return "one document or question says nothing about the spread"
    if not is_clear(c) or c["p_sign_flip"] > LEVEL:
        return "no clear difference"
    return "better" if (c["high"] < 0) == lower_is_better else "worse"


def _chance(p: float | None) -> str:
    return "unknown" if p is None else f"{p:.4f}"

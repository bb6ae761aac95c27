"""Measures with their intervals, and each adapter against the base, in words that do not say more than is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from clues.cli.output import table
from clues.cli.text.words import fixed

if TYPE_CHECKING:
    from clues.statistics.paired import Comparison

Say = Callable[[float], str]


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


@dataclass(frozen=True)
class Compared:
    """Two models by one measure."""

    measure: str
    """A name in MEASURES."""
    comparison: Comparison

    @property
    def facts(self) -> dict[str, str | float | None]:
        """For a program: all fields on one level."""
        return {"measure": self.measure, **asdict(self.comparison)}


def measured(value: float | None, low: float | None, high: float | None, say: Say) -> list[str]:
    """Two cells: a number, and its interval."""
    return ["unknown" if value is None else say(value), interval_text(low, high, say)]


def interval_text(low: float | None, high: float | None, say: Say) -> str:
    """`unknown` where one document or question says nothing about the spread."""
    return "unknown" if low is None or high is None else f"{say(low)} to {say(high)}"


def compared_text(compared: Sequence[Compared]) -> list[str]:
    """A table of differences: nothing is called better or worse that is not clear."""
    if not compared:
        return []
    head = [
        f"against {compared[0].comparison.b}",
        "measure",
        "difference",
        "95 % interval",
        "p (bootstrap)",
        "p (sign flip)",
        "finding",
    ]
    return [table([head, *map(_cells, compared)])]


def _cells(compared: Compared) -> list[str]:
    c, words = compared.comparison, MEASURES[compared.measure]

    def say(value: float) -> str:
        return fixed(words.factor * value, words.digits)

    difference = "unknown" if c.difference is None else say(c.difference)
    chances = [_chance(c.p_bootstrap), _chance(c.p_sign_flip)]
    shown = interval_text(c.low, c.high, say)
    return [c.a, words.name, difference, shown, *chances, c.finding(words.lower_is_better)]


def _chance(p: float | None) -> str:
    return "unknown" if p is None else f"{p:.4f}"

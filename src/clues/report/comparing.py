"""Which model is better, in words: nothing is called better that is not clear (`statistics.paired.Comparison`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clues.report.words import fixed, percent
from clues.statistics.paired import Comparison, Finding


def finding(comparison: Comparison) -> Finding:
    """Of two arms. Differences are in NLL: lower is better."""
    return comparison.finding(lower_is_better=True)


def interval(comparison: Comparison, digits: int = 3) -> str:
    """`−0.044 (−0.056 to −0.028)`; the difference alone where it has no interval."""
    numbers = (comparison.difference, comparison.low, comparison.high)
    value, low, high = ("" if number is None else fixed(number, digits) for number in numbers)
    return f"{value} ({low} to {high})" if low and high else value


def headline(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """What selecting rows did for the model: a sentence and its numbers, ways with the same finding together."""
    found: dict[str, list[Comparison]] = {}
    for c in comparisons:
        if (c.a, c.b) == ("clues", "mixed"):
            found.setdefault(_SAYS[finding(c)], []).append(c)
    return [
        (f"{says}, {' and '.join(c.how for c in same)}.", "; ".join(f"{c.how} {interval(c)}" for c in same))
        for says, same in found.items()
    ]


_SAYS: Mapping[Finding, str] = {
    "better": "Trained on the rows kept, a model predicts unseen good answers better than trained on all rows",
    "worse": "Trained on the rows kept, a model predicts unseen good answers worse than trained on all rows",
    "no clear difference": "There is no clear difference between training on the rows kept and training on all rows",
    "one document or question says nothing about the spread": "It is not known whether training on the rows kept or on "
    "all rows is better, for one test document says nothing about the spread",
}


def gap_sentence(how: str, share: float | None) -> str:
    """How much of what perfect selection could win was won."""
    if share is None:
        return (
            f"{how.capitalize()}: not stated. Training on all rows is not clearly worse than training on the truly "
            "good ones here, so there is no gap to close."
        )
    return (
        f"{how.capitalize()}: the selection wins {percent(share)} of what knowing the truly good rows would "
        "win over training on all rows."
    )

"""Which model is better, in words: nothing is called better while the interval of the difference covers zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clues.report.words import fixed, percent


def finding(comparison: Mapping[str, Any]) -> str:
    """`clues is better`, or `no clear difference`. Differences are in NLL: lower is better."""
    if comparison["high"] < 0:
        return f"{comparison['a']} is better"
    if comparison["low"] > 0:
        return f"{comparison['b']} is better"
    return "no clear difference"


def interval(comparison: Mapping[str, Any], digits: int = 3) -> str:
    """`−0.044 (−0.056 to −0.028)`."""
    value, low, high = (fixed(comparison[key], digits) for key in ("difference", "low", "high"))
    return f"{value} ({low} to {high})"


def headline(comparisons: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What selecting rows did for the model: a sentence and its numbers, ways with the same finding together."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for c in comparisons:
        if (c["a"], c["b"]) == ("clues", "mixed"):
            found.setdefault(_SAYS[finding(c)], []).append(c)
    return [
        (
            f"{says}, {' and '.join(c['how'] for c in same)}.",
            "; ".join(f"{c['how']} {interval(c)}" for c in same),
        )
        for says, same in found.items()
    ]


_SAYS = {
    "clues is better": "Trained on the rows kept, a model predicts unseen good answers better than trained on all rows",
    "mixed is better": "Trained on the rows kept, a model predicts unseen good answers worse than trained on all rows",
    "no clear difference": "There is no clear difference between training on the rows kept and training on all rows",
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

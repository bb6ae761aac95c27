"""Which model is better, in words: nothing is called better while the interval of the difference covers zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clues.report.words import fixed, percent


def finding(comparison: Mapping[str, Any]) -> str:
    """`clues is better`, or `no clear difference`. Differences are in NLL: lower is better."""
    if not is_clear(comparison):
        return "no clear difference"
    return f"{comparison['a' if comparison['high'] < 0 else 'b']} is better"


def is_clear(comparison: Mapping[str, Any]) -> bool:
    """Whether the interval leaves zero out; test rows of one document alone give no interval (None)."""
    low, high = comparison["low"], comparison["high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def interval(comparison: Mapping[str, Any], digits: int = 3) -> str:
    """`−0.044 (−0.056 to −0.028)`; the difference alone where it has no interval."""
    keys = ("difference", "low", "high")
    value, low, high = ("" if comparison[key] is None else fixed(comparison[key], digits) for key in keys)
    return f"{value} ({low} to {high})" if low and high else value


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

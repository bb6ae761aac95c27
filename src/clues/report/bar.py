"""The bar of a run: how the anchors do on each criterion, and below which value a row is dropped."""

from __future__ import annotations

import numpy as np

from clues.config import SelectionSettings
from clues.report.words import fixed, odds, percent


def level_among(statistic: np.ndarray, keep: np.ndarray, level: float | None) -> float | None:
    """The bar of one client's rows: where the rule has none beforehand, between its highest dropped and its lowest kept
    row, if all that are kept are better than all that are not.

    Args:
        statistic: [N] finite; keep: [N] what the rule said.
        level: the bar that is known beforehand, if there is one.
    """
    if level is not None or keep.all() or not keep.any():
        return level
    low, high = statistic[~keep].max(), statistic[keep].min()
    return float((low + high) / 2) if low < high else None


def promise(settings: SelectionSettings) -> str:
    """What the rule promises, in a sentence."""
    alpha, q = settings.alpha, settings.q
    return {
        "conformal": f"A good row that is like the anchors is dropped with a probability of at most {percent(alpha)} "
        f"(alpha = {alpha:g}).",
        "fdr": f"On average at most {percent(q)} of the dropped rows are good ones (q = {q:g}), where the good rows "
        "are like the anchors.",
        "anchor-mean": "A row is kept when it does as well as the average anchor. This is the published rule; "
        "it promises nothing, and about half of all good rows fall below it.",
        "ratio": "A fixed share of the rows is kept, the best ones, however good or bad they are.",
        "score": "A row is kept when the evidence of its worst criterion reaches a fixed value.",
    }[settings.rule]


def where(level: float | None, scorer: str = "") -> str:
    """Where the bar lies, in a sentence; `scorer` where its scores take the place of the criteria."""
    if level is not None and scorer:
        side = "below" if level < 0 else "above"
        return (
            f"The bar lies {fixed(abs(level), 2)} standard deviations {side} the anchors’ mean in {scorer}. A row with "
            "a lower score is dropped."
        )
    if level is None:
        return "There is no bar that is the same for all rows under this rule and these anchors, so none is drawn."
    return (
        f"The bar is one level of evidence for all criteria, {fixed(level, 2)}, at which a row looks {odds(level)}. A "
        "row with less on its worst criterion is dropped, for that criterion."
    )


def split(values: np.ndarray, keep: np.ndarray, reason: np.ndarray, criterion: str) -> dict[str, list[float]]:
    """Rows' evidence [N] on one criterion by what became of them, for its histogram."""
    found: dict[str, list[float]] = {"kept": [], "dropped for this": [], "dropped for another reason": []}
    labels = list(found)
    for value, k, r in zip(values, keep, reason, strict=True):
        found[labels[0 if k else 1 if r == criterion else 2]].append(value)
    return found

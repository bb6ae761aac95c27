"""What a reader must know before trusting a bar: each a code with values, worded once for page, terminal and file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clues.scoring.criteria import LABEL, LEAST
from clues.selection.rules import bar_rank
from clues.selection.seen import LeftOut

FEW = 3
"""Anchors that decide where the bar lies; with fewer, one odd anchor decides about many rows."""
COARSE = 30
"""Anchors altogether; with fewer the bar depends on each of them, whatever the rule."""
LOW = -2.0
"""Evidence, nats. With a tenth of the anchors spoiled the bar at alpha = 0.1 lay lower in most draws, with a fifth
in nearly all; with clean ones in 6 % of the draws at most of 20 anchors and in none of 40 or more
(docs/research/LOG.md)."""
SHOWN = 10


@dataclass(frozen=True)
class Caution:
    """Something a reader must know before believing a number."""

    code: str
    """For programs; it stays when the words change."""
    title: str
    text: str
    values: Mapping[str, float | Sequence[int]] = field(default_factory=dict)
    """What the text says in numbers."""
    loud: bool = True
    """False for a remark that changes no conclusion."""


def about_bar(statistic: Sequence[float], rule: str, alpha: float, is_evidence: bool = True) -> list[Caution]:
    """Too few anchors for what is asked of them, or anchors that look spoiled.

    Args:
        statistic: [n] the anchors' evidence on their worst criterion, nats; in the order of their file.
        is_evidence: false for the scores of a scorer, which do not say how spoiled an anchor looks.
    """
    anchors = len(statistic)
    deciding = bar_rank(alpha, anchors) if rule == "conformal" else 0
    if rule == "conformal" and not deciding:
        return [_nothing_dropped(anchors, alpha)] if alpha else []
    found = []
    if 0 < deciding < FEW:
        found.append(_few_decide(anchors, deciding))
    elif anchors < COARSE:
        text = f"There are only {anchors} anchors: the bar is coarse and depends on each of them."
        found.append(Caution("few-anchors", "Few anchors", text, {"anchors": anchors}))
    worst = np.argsort(statistic, kind="stable")[:deciding].tolist()
    if is_evidence and worst and statistic[worst[-1]] < LOW:
        found.append(_low_bar(worst, float(statistic[worst[-1]]), anchors))
    return found


SEES = {
    "fluency": "answers with words taken out",
    "relevance": "answers to another question",
    "completeness": "answers that were cut off",
    "novelty": "answers that repeat themselves",
    "label": "wrong labels",
}
"""What a criterion is there to see."""


def about_left_out(left_out: Sequence[LeftOut], forward: bool) -> list[Caution]:
    """Criteria that have no say: what they would see goes unseen, and a reader must not take silence for praise.

    Args:
        forward: forward channels alone were scored, so there is more to be had.
    """
    criteria = [part for part in left_out if "." not in part.name]
    blind = [part for part in criteria if part.rows >= LEAST]
    found = []
    if blind:
        unseen = " and ".join(SEES.get(part.name, f"what {part.name} looks for") for part in blind)
        remedy = "Use --channels full." if forward else "Add public validation rows, or take a larger model."
        text = (
            f"These scores cannot see {unseen}: among the public validation rows they tell good from spoiled no better "
            f"than chance. No row is dropped for it. {remedy}"
        )
        values = {part.name: part.auc for part in blind if part.auc is not None}
        found.append(Caution("criterion-blind", "Not everything can be seen", text, values))
    few = [part for part in criteria if part.rows < LEAST and (part.name != LABEL or part.rows)]
    if few:
        names = " and ".join(part.name for part in few)
        text = f"No row is judged by {names}: fewer than {LEAST} public validation rows can be spoiled for it."
        found.append(Caution("criterion-left-out", "Criteria that do not apply", text, loud=False))
    return found


def about_kinds(like: Sequence[int], anchors: int) -> list[Caution]:
    """Rows that no anchor of their own kind is like.

    Args:
        like: [rows] the anchors that each was held against; 0 where none of the criteria judges it.
    """
    without = sum(n == 0 for n in like)
    if not without:
        return []
    text = (
        f"{without:,} of {len(like):,} rows have no verdict, for nothing that is seen here judges them; they are kept."
    )
    return [Caution("not-judged", "Rows without a verdict", text, {"rows": without, "anchors": anchors})]


def _few_decide(anchors: int, deciding: int) -> Caution:
    who, verb = ("worst", "decides") if deciding == 1 else (f"{deciding} worst", "decide")
    text = f"Only the {who} of {anchors} anchors {verb} where the bar lies. One odd anchor moves it far."
    return Caution("few-anchors-decide", "Few anchors", text, {"anchors": anchors, "deciding": deciding})


def _nothing_dropped(anchors: int, alpha: float) -> Caution:
    least, needed = 1 / (anchors + 1), math.ceil(1 / alpha - 1e-9) - 1
    text = (
        f"With {anchors} anchors no p-value can be smaller than {least:.3f}, and alpha is {alpha:g}: no row can be "
        f"dropped, however bad it is. Use {needed:,} anchors or more, or a larger alpha."
    )
    values = {"anchors": anchors, "alpha": alpha, "least_p": least, "needed": needed}
    return Caution("nothing-dropped", "Too few anchors", text, values)


def _low_bar(worst: Sequence[int], level: float, anchors: int) -> Caution:
    """A bar at which a row looks spoiled.

    Spoiled anchors cost no good row, but rows like them pass. Anchors are public: anyone may read them and take out
    what is no good answer, which breaks no promise (Bashari et al., arXiv 2502.04807: trim only what was looked at).
    """
    numbers = [place + 1 for place in worst[:SHOWN]]
    count = f"{len(worst)} of {anchors} anchors look{'s' * (len(worst) == 1)}"
    text = (
        f"The bar is low: {count} at least {math.exp(min(-level, 9)):.0f} times more like spoiled answers than like "
        "good ones, and rows like them pass. Read the worst anchors: of the usable ones, in the order of their file, "
        f"number {', '.join(map(str, numbers))}; take out those that are no good answers, and score again."
    )
    values = {"anchors": anchors, "deciding": len(worst), "level": level, "worst": numbers}
    return Caution("low-bar", "Some anchors look spoiled", text, values)

"""What the bar would catch here: spoiled public rows that were put to it like the owner's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from clues.folders.power import Power, Shading
from clues.report import words
from clues.report.charts import Caught, caught, inline_svg
from clues.statistics.shares import share

NO_EVIDENCE = 0.6
"""Below this AUC the shading ranks inserted noise words hardly above the row's own: it points nowhere."""


@dataclass(frozen=True)
class PowerView:
    """What would be caught, the kind of damage that is caught least first."""

    kinds: Mapping[str, Caught]
    chart: Markup


def power_view(power: Power | None, alpha: float) -> PowerView | None:
    """Shares with p at or under alpha, and their chart; None without power.json."""
    found = power.kinds if power else {}
    kinds = {name: _caught(sum(p <= alpha for p in kind.p), len(kind.p)) for name, kind in found.items() if kind.p}
    if not kinds:
        return None
    worst_first = dict(sorted(kinds.items(), key=lambda item: item[1].share))
    said = words.listed([f"{name} {n.caught} of {n.rows}" for name, n in worst_first.items()])
    return PowerView(worst_first, inline_svg(caught(worst_first), f"Caught: {said}."))


def _caught(caught: int, rows: int) -> Caught:
    bounds = share("share", caught, rows)
    return Caught(caught, rows, caught / rows, bounds["share_low"] or 0.0, bounds["share_high"] or 1.0)


def shading_sentence(shading: Shading) -> str:
    """What the shading of words is worth, as measured on noise words inserted into public answers."""
    if (auc := shading.auc) is None:
        return (
            "Shading is no evidence unless noise words that are inserted into good answers rank above the answers’ own "
            "words, and that has not been tested here: take it as a hint where to look."
        )
    if auc < NO_EVIDENCE:
        return (
            "The shading is no evidence here: noise words inserted into public answers do not rank above the answers’ "
            f"own words (AUC {auc:.2f})."
        )
    return f"Noise words inserted into public answers rank above the answers’ own words with an AUC of {auc:.2f}."

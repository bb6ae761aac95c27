"""What the bar would catch here: spoiled public rows that were put to it like the owner's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.stats import binomtest

from clues.report import words
from clues.report.charts import caught, inline_svg

NO_EVIDENCE = 0.6
"""Below this AUC the shading ranks inserted noise words hardly above the row's own: it points nowhere."""


def power_view(power: Mapping[str, Any], alpha: float) -> dict[str, Any]:
    """Shares with p at or under alpha, 95 % Wilson intervals, worst first, and their chart; empty without power.json.

    Args:
        power: `kinds` -> kind -> `p` of spoiled public rows; optional `shading` -> `auc`, `rows`.
    """
    kinds = {
        name: _share(sum(p <= alpha for p in n["p"]), len(n["p"]))
        for name, n in power.get("kinds", {}).items()
        if "p" in n
    }
    if not kinds:
        return {}
    worst_first = dict(sorted(kinds.items(), key=lambda item: item[1]["share"]))
    said = words.listed([f"{name} {n['caught']} of {n['rows']}" for name, n in worst_first.items()])
    return {"kinds": worst_first, "chart": inline_svg(caught(worst_first), f"Caught: {said}.")}


def _share(caught: int, rows: int) -> dict[str, Any]:
    interval = binomtest(caught, rows).proportion_ci(0.95, method="wilson")
    bounds = {"low": float(interval.low), "high": float(interval.high)}
    return {"caught": caught, "rows": rows, "share": caught / rows, **bounds}


def shading_sentence(power: Mapping[str, Any]) -> str:
    """What the shading of words is worth, as measured on noise words inserted into public answers."""
    auc = power.get("shading", {}).get("auc")
    if auc is None:
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

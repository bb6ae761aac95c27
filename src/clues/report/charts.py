"""The charts of the pages and of the docs, one function each: plain results in, an altair chart out.

Everything is binned or summed before it is drawn: a chart never holds more than a few hundred marks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from clues.folders.metrics import Metric, Models
from clues.report.drawing import COLOURS, PICTURES, chart_of, drawn, inline_svg, png, svg
from clues.report.histogram import DEVIATIONS, EVIDENCE, GAP, WIDTH, bin_edges, criterion_histogram, layered
from clues.report.words import duration
from clues.statistics.paired import Comparison

if TYPE_CHECKING or PICTURES:
    import altair as alt

__all__ = [
    "DEVIATIONS",
    "EVIDENCE",
    "bin_edges",
    "criterion_histogram",
    "areas_under_the_curve",
    "models_compared",
    "differences",
    "phase_seconds",
    "Caught",
    "caught",
    "inline_svg",
    "png",
    "svg",
]

HOW = ("federated", "merged")


@drawn
def models_compared(models: Models, metric: Metric, title: str) -> alt.LayerChart:
    """A dot with its interval for each arm and way of collaborating.

    Args:
        models: arm -> `federated` or `merged` -> numbers.
    """
    numbers = {(arm, how): n.interval(metric) for arm, ways in models.items() for how, n in ways.items()}
    marks = [
        {"arm": arm, "how": how, "value": value, "low": low, "high": high}
        for (arm, how), (value, low, high) in numbers.items()
        if value is not None
    ]
    base = chart_of(marks).encode(
        _labels("arm", list(models)),
        alt.YOffset("how:N", scale=alt.Scale(domain=HOW, paddingOuter=0.4)),
        alt.Color("how:N", title=None, scale=alt.Scale(domain=HOW, range=[COLOURS["kept"], COLOURS["quiet"]])),
    )
    x = alt.X("low:Q", title=title, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=5))
    shape = alt.Shape("how:N", title=None, scale=alt.Scale(domain=HOW, range=["circle", "diamond"]))
    intervals = base.mark_rule(strokeWidth=2).encode(x, alt.X2("high:Q"))
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(alt.X("value:Q", title=title), shape)
    return layered([intervals, dots], width=WIDTH, height=44 * max(1, len(models)))


@drawn
def differences(comparisons: Sequence[Comparison]) -> alt.LayerChart:
    """Differences in test NLL between two models with their intervals; hollow where they are not clear."""
    marks = [
        {"difference": c.difference, "low": c.low, "high": c.high, "pair": _pair(c), "clear": c.is_clear}
        for c in comparisons
    ]
    title = f"← first is better{GAP}NLL{GAP}second is better →"
    base = chart_of(marks).encode(_labels("pair", [m["pair"] for m in marks]))
    fill = alt.condition("datum.clear", alt.value(COLOURS["kept"]), alt.value(COLOURS["paper"]))
    x = alt.X("low:Q", title=title, axis=alt.Axis(tickCount=4))
    dots = base.mark_point(filled=True, size=90, opacity=1, stroke=COLOURS["kept"], strokeWidth=2)
    layers = [
        chart_of([{"x": 0}]).mark_rule(color=COLOURS["ink"]).encode(alt.X("x:Q")),
        base.mark_rule(strokeWidth=2, color=COLOURS["kept"]).encode(x, alt.X2("high:Q")),
        dots.encode(alt.X("difference:Q", title=title), fill=fill),
    ]
    return layered(layers, width=WIDTH - 80, height=30 * max(1, len(marks)))


def _pair(c: Comparison) -> str:
    return f"{c.a} − {c.b}, {c.how}"


@drawn
def areas_under_the_curve(ours: Mapping[str, float], published: float | None) -> alt.LayerChart:
    """How well each kind of damage is told from clean rows: 0.5 is a coin toss, 1 is without error.

    Args:
        ours: `all kinds`, then each kind -> AUC.
        published: the published score's AUC over all kinds.
    """
    marks = [{"kind": kind, "auc": auc, "whose": "clues"} for kind, auc in ours.items()]
    if published is not None:
        marks.append({"kind": next(iter(ours)), "auc": published, "whose": "published score"})
    whose = ["clues", "published score"]
    axis = alt.Axis(values=[tenth / 10 for tenth in range(11)], format="~g")
    lowest = min(0.5, *(math.floor(10 * m["auc"] - 0.2) / 10 for m in marks))
    base = chart_of(marks).encode(
        _labels("kind", list(ours)),
        alt.X("auc:Q", title="AUC", scale=alt.Scale(domain=[max(lowest, 0), 1]), axis=axis),
        alt.Shape("whose:N", title=None, scale=alt.Scale(domain=whose, range=["circle", "diamond"])),
        alt.Color("whose:N", title=None, scale=alt.Scale(domain=whose, range=[COLOURS["kept"], COLOURS["other"]])),
    )
    return layered([base.mark_point(filled=True, size=100, opacity=1)], width=WIDTH, height=34 * len(ours))


@drawn
def phase_seconds(seconds: Mapping[str, float]) -> alt.LayerChart:
    """How long each phase took, in the order in which they ran."""
    marks = [{"phase": name, "seconds": s, "text": duration(s)} for name, s in seconds.items()]
    x = alt.X("seconds:Q", title=None, axis=None)
    base = chart_of(marks).encode(_labels("phase", list(seconds)), x)
    bars, text = base.mark_bar(color=COLOURS["kept"], height=12), base.mark_text(align="left", dx=6)
    return layered([bars, text.encode(text="text:N")], width=WIDTH - 60, height=26 * len(marks))


@dataclass(frozen=True)
class Caught:
    """Spoiled public rows of one kind, and the share of them that fell below the bar, with its interval."""

    caught: int
    rows: int
    share: float
    low: float
    high: float


@drawn
def caught(kinds: Mapping[str, Caught]) -> alt.LayerChart:
    """Share of spoiled public rows that fell below the bar, per kind, with their intervals."""
    marks = [{"kind": kind} | asdict(n) for kind, n in kinds.items()]
    base = chart_of(marks).encode(_labels("kind", list(kinds)))
    axis = alt.Axis(format=".0%", tickCount=5)
    x = alt.X("low:Q", title="share caught", scale=alt.Scale(domain=[0, 1]), axis=axis)
    dots = base.mark_point(filled=True, size=90, color=COLOURS["kept"], opacity=1)
    layers = [
        base.mark_rule(strokeWidth=2, color=COLOURS["kept"]).encode(x, alt.X2("high:Q")),
        dots.encode(alt.X("share:Q")),
    ]
    return layered(layers, width=WIDTH, height=34 * len(marks))


def _labels(name: str, order: Sequence[str]) -> alt.Y:
    return alt.Y(f"{name}:N", sort=list(order), title=None, axis=alt.Axis(labelColor=COLOURS["ink"], labelFontSize=13))

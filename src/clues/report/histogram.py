"""How often a criterion takes each value, against the bar: binned here, so that a chart holds no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from clues.report.drawing import COLOURS, colour

WIDTH = 300
"""Pixels of a plot without its axis: a chart fits a phone without shrinking."""
BIN = 0.5
"""Width of a bin in the anchors' standard deviations."""
LEAST_RANGE = 3.0
"""The axis reaches at least so far to both sides, so that charts can be compared by eye."""
GAP = "\u2003"


def criterion_histogram(
    groups: Mapping[str, Sequence[float]],
    bar: float | None,
    colours: Mapping[str, str],
    noun: str = "rows",
    outline: Sequence[float] = (),
) -> alt.LayerChart:
    """How often a criterion takes each value, stacked by group, with the bar.

    Args:
        groups: label -> values in standard deviations of the anchors; NaN is left out.
        bar: rows below it are dropped; None draws none.
        colours: label -> name of a colour of the theme.
        outline: values of the anchors, drawn as a line over as many rows as there are.
    """
    values = {label: np.asarray(v, float)[np.isfinite(v)] for label, v in groups.items()}
    edges = _edges(np.concatenate([*values.values(), outline, np.zeros(1)]), 0.0 if bar is None else bar)
    domain = alt.Scale(domain=[float(edges[0]), float(edges[-1])], nice=False)
    scale = alt.Scale(domain=list(groups), range=[colour(colours[label]) for label in groups])
    title = f"← worse{GAP}anchors’ standard deviations{GAP}better →"
    bars = (
        _chart(_stacked(values, edges))
        .mark_bar(stroke=COLOURS["paper"], strokeWidth=0.8)
        .encode(
            alt.X("from:Q", scale=domain, title=title, axis=alt.Axis(grid=False, tickMinStep=1, format="~s")),
            alt.X2("to:Q"),
            alt.Y("below:Q", title=noun, axis=alt.Axis(tickMinStep=1, format="d")),
            alt.Y2("above:Q"),
            alt.Color("group:N", scale=scale, legend=None),
        )
    )
    zero = _chart([{"x": 0}]).mark_rule(color=COLOURS["quiet"], strokeDash=[2, 3]).encode(alt.X("x:Q", scale=domain))
    layers = [bars, zero, *_outline(outline, sum(map(len, values.values())), edges, domain)] + (
        [] if bar is None else _bar_layers(bar, domain)
    )
    return layered(layers, width=WIDTH, height=130)


def layered(layers: list[Any], width: int, height: int) -> alt.LayerChart:
    """Charts drawn over one another, in pixels."""
    return alt.LayerChart(layer=layers, width=width, height=height)


def _edges(values: np.ndarray, through: float) -> np.ndarray:
    """Bin edges, one of them at `through`: no bin mixes rows from both sides of the bar."""
    low, high = min(values.min(), -LEAST_RANGE, through), max(values.max(), LEAST_RANGE, through)
    below, above = np.ceil((through - low) / BIN), np.floor((high - through) / BIN) + 1
    return through + BIN * np.arange(-below, above + 1)


def _stacked(values: Mapping[str, np.ndarray], edges: np.ndarray) -> list[dict[str, Any]]:
    """One mark per group and bin, the first group at the bottom."""
    below = np.zeros(len(edges) - 1, int)
    marks = []
    for label, v in values.items():
        counts = np.histogram(v, edges)[0]
        marks += [
            {"from": float(edges[i]), "to": float(edges[i + 1]), "below": b, "above": b + n, "group": label}
            for i, (b, n) in enumerate(zip(below.tolist(), counts.tolist(), strict=True))
            if n
        ]
        below += counts
    return marks


def _outline(anchors: Sequence[float], rows: int, edges: np.ndarray, domain: alt.Scale) -> list[Any]:
    if not len(anchors) or not rows:
        return []
    counts = np.histogram(anchors, edges)[0] * rows / len(anchors)
    marks = [{"x": float(x), "y": float(y)} for x, y in zip(edges, [*counts, 0], strict=True)]
    line = _chart(marks).mark_line(interpolate="step-after", color=COLOURS["ink"], strokeWidth=1.2, strokeDash=[4, 2])
    return [line.encode(alt.X("x:Q", scale=domain), alt.Y("y:Q"))]


def _bar_layers(bar: float, domain: alt.Scale) -> list[Any]:
    mark = _chart([{"x": bar, "text": f"bar {bar:.2f}".replace("-", "−")}])
    x = alt.X("x:Q", scale=domain)
    return [
        mark.mark_rule(color=COLOURS["ink"], strokeWidth=2).encode(x),
        mark.mark_text(align="right", dx=-5, y=0, dy=-1, baseline="bottom", fontWeight="bold").encode(x, text="text:N"),
    ]


def _chart(marks: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=marks))

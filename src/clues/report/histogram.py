"""How much evidence rows have on a criterion, against the bar: binned here, so that a chart holds no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clues.report.drawing import COLOURS, PICTURES, Mark, chart_of, colour, drawn

if TYPE_CHECKING or PICTURES:
    import altair as alt

WIDTH = 300
"""Pixels of a plot without its axis: a chart fits a phone without shrinking."""
LEAST_RANGE = 1.0
"""Nats to which an axis reaches to both sides at least."""
MOST_RANGE = 10.0
"""And at most, unless the bar lies beyond: what is 20,000 times likelier good than spoiled need not be told apart."""
FARTHEST = 1000.0
"""Nats at which a bar is drawn at most."""
WIDTHS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Nats of a bin: the first of these with which there are not too many."""
MOST_BINS = 40
GAP = "\u2003"
EVIDENCE = f"← looks spoiled{GAP}evidence{GAP}looks good →"
DEVIATIONS = f"← worse than the anchors{GAP}standard deviations{GAP}better →"
"""Title of the axis: for a criterion, and for the scores of a scorer."""


@drawn
def criterion_histogram(
    groups: Mapping[str, Sequence[float]],
    bar: float | None,
    colours: Mapping[str, str],
    noun: str = "rows",
    outline: Sequence[float] = (),
    edges: np.ndarray | None = None,
    title: str = EVIDENCE,
) -> alt.LayerChart:
    """How much evidence rows have on a criterion, stacked by group, with the bar.

    Args:
        groups: label -> evidence in nats; NaN is left out, what lies beyond the axis is in its outermost bins.
        bar: rows below it are dropped; None draws none.
        colours: label -> name of a colour of the theme.
        outline: evidence of the anchors, drawn as a line over as many rows as there are.
        edges: of the bins (see `bin_edges`), so that charts beside one another have one axis; None: of these values.
        title: of the axis.
    """
    values = {label: np.asarray(v, float)[np.isfinite(v)] for label, v in groups.items()}
    edges = bin_edges([*values.values(), outline], bar) if edges is None else edges
    domain = alt.Scale(domain=[float(edges[0]), float(edges[-1])], nice=False)
    scale = alt.Scale(domain=list(groups), range=[colour(colours[label]) for label in groups])
    stacked = _stacked(values, edges)
    ticks = min(4, _highest(values, edges))
    bars = (
        chart_of(stacked)
        .mark_bar(stroke=COLOURS["paper"], strokeWidth=0.8)
        .encode(
            alt.X("from:Q", scale=domain, title=title, axis=alt.Axis(grid=False, tickCount=6, format=".1~f")),
            alt.X2("to:Q"),
            alt.Y("below:Q", title=noun, axis=alt.Axis(tickCount=ticks, format="d")),
            alt.Y2("above:Q"),
            alt.Color("group:N", scale=scale, legend=None),
        )
    )
    zero = chart_of([{"x": 0}]).mark_rule(color=COLOURS["quiet"], strokeDash=[2, 3]).encode(alt.X("x:Q", scale=domain))
    layers = [bars, zero, *_outline(outline, sum(map(len, values.values())), edges, domain)] + (
        [] if bar is None else _bar_layers(bar, domain)
    )
    return layered(layers, width=WIDTH, height=130)


def layered(layers: list[Any], width: int, height: int) -> alt.LayerChart:
    """Charts drawn over one another, in pixels."""
    return alt.LayerChart(layer=layers, width=width, height=height)


def bin_edges(values: Sequence[Sequence[float] | np.ndarray], bar: float | None) -> np.ndarray:
    """Edges of bins for all these values, one edge at the bar: no bin mixes rows from both sides of it. A bar beyond
    FARTHEST, which a job may name, is drawn there: bins up to it could fill the memory."""
    through = 0.0 if bar is None else min(max(bar, -FARTHEST), FARTHEST)
    every = np.concatenate([np.empty(0), *values])
    every = np.clip(every[np.isfinite(every)], -MOST_RANGE, MOST_RANGE)
    low, high = min([*every, -LEAST_RANGE, through]), max([*every, LEAST_RANGE, through])
    width = next((w for w in WIDTHS if high - low <= MOST_BINS * w), WIDTHS[-1])
    below, above = max(np.ceil((through - low) / width), 1), np.floor((high - through) / width) + 1
    return through + width * np.arange(-below, above + 1)


def _counts(values: np.ndarray | Sequence[float], edges: np.ndarray) -> np.ndarray:
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]


def _highest(values: Mapping[str, np.ndarray], edges: np.ndarray) -> int:
    """Rows in the fullest bin, 1 at least."""
    return max(1, int(np.sum([_counts(v, edges) for v in values.values()], axis=0).max()))


def _stacked(values: Mapping[str, np.ndarray], edges: np.ndarray) -> list[Mark]:
    """One mark per group and bin, the first group at the bottom."""
    below = np.zeros(len(edges) - 1, int)
    marks: list[Mark] = []
    for label, v in values.items():
        counts = _counts(v, edges)
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
    counts = _counts(anchors, edges) * rows / len(anchors)
    marks = [{"x": float(x), "y": float(y)} for x, y in zip(edges, [*counts, 0], strict=True)]
    line = chart_of(marks).mark_line(interpolate="step-after", color=COLOURS["ink"], strokeWidth=1.2, strokeDash=[4, 2])
    return [line.encode(alt.X("x:Q", scale=domain), alt.Y("y:Q"))]


def _bar_layers(bar: float, domain: alt.Scale) -> list[Any]:
    mark = chart_of([{"x": bar, "text": f"bar {bar:.2f}".replace("-", "−")}])
    x = alt.X("x:Q", scale=domain)
    right = bar > sum(domain.domain) / 2
    side = {"align": "right", "dx": -5} if right else {"align": "left", "dx": 5}
    return [
        mark.mark_rule(color=COLOURS["ink"], strokeWidth=2).encode(x),
        mark.mark_text(**side, y=0, dy=-1, baseline="bottom", fontWeight="bold").encode(x, text="text:N"),
    ]

"""The charts of the pages and of the docs, one function each: plain results in, an altair chart out.

Everything is binned or summed before it is drawn: a chart never holds more than a few hundred marks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import altair as alt

from clues.report.drawing import COLOURS, inline_svg, png, svg
from clues.report.histogram import DEVIATIONS, EVIDENCE, GAP, WIDTH, bin_edges, criterion_histogram, layered
from clues.report.words import duration
from clues.statistics.paired import Comparison

__all__ = [
    "DEVIATIONS",
    "EVIDENCE",
    "bin_edges",
    "criterion_histogram",
    "areas_under_the_curve",
    "models_compared",
    "differences",
    "loss_curves",
    "phase_seconds",
    "Caught",
    "caught",
    "inline_svg",
    "png",
    "svg",
]

MOST_NAMED = 6
"""Clients that are named at their line's end; more of them are drawn alike and read from the table."""
HOW = ("federated", "merged")


def models_compared(models: Mapping[str, Mapping[str, Mapping[str, float]]], metric: str, title: str) -> alt.LayerChart:
    """A dot with its interval for each arm and way of collaborating.

    Args:
        models: arm -> `federated` or `merged` -> numbers, as in metrics.json.
        metric: `test_nll` or `choice`.
    """
    value = "test_nll" if metric == "test_nll" else f"{metric}_accuracy"
    marks = [
        {"arm": arm, "how": how, "value": n[value], "low": n.get(f"{metric}_low"), "high": n.get(f"{metric}_high")}
        for arm, ways in models.items()
        for how, n in ways.items()
        if n.get(value) is not None
    ]
    base = _chart(marks).encode(
        _labels("arm", list(models)),
        alt.YOffset("how:N", scale=alt.Scale(domain=HOW, paddingOuter=0.4)),
        alt.Color("how:N", title=None, scale=alt.Scale(domain=HOW, range=[COLOURS["kept"], COLOURS["quiet"]])),
    )
    x = alt.X("low:Q", title=title, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=5))
    shape = alt.Shape("how:N", title=None, scale=alt.Scale(domain=HOW, range=["circle", "diamond"]))
    intervals = base.mark_rule(strokeWidth=2).encode(x, alt.X2("high:Q"))
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(alt.X("value:Q", title=title), shape)
    return layered([intervals, dots], width=WIDTH, height=44 * max(1, len(models)))


def differences(comparisons: Sequence[Comparison]) -> alt.LayerChart:
    """Differences in test NLL between two models with their intervals; hollow where they are not clear."""
    marks = [
        {"difference": c.difference, "low": c.low, "high": c.high, "pair": _pair(c), "clear": c.is_clear}
        for c in comparisons
    ]
    title = f"← first is better{GAP}NLL{GAP}second is better →"
    base = _chart(marks).encode(_labels("pair", [m["pair"] for m in marks]))
    fill = alt.condition("datum.clear", alt.value(COLOURS["kept"]), alt.value(COLOURS["paper"]))
    x = alt.X("low:Q", title=title, axis=alt.Axis(tickCount=4))
    dots = base.mark_point(filled=True, size=90, opacity=1, stroke=COLOURS["kept"], strokeWidth=2)
    layers = [
        _chart([{"x": 0}]).mark_rule(color=COLOURS["ink"]).encode(alt.X("x:Q")),
        base.mark_rule(strokeWidth=2, color=COLOURS["kept"]).encode(x, alt.X2("high:Q")),
        dots.encode(alt.X("difference:Q", title=title), fill=fill),
    ]
    return layered(layers, width=WIDTH - 80, height=30 * max(1, len(marks)))


def _pair(c: Comparison) -> str:
    return f"{c.a} − {c.b}, {c.how}"


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
    base = _chart(marks).encode(
        _labels("kind", list(ours)),
        alt.X("auc:Q", title="AUC", scale=alt.Scale(domain=[max(lowest, 0), 1]), axis=axis),
        alt.Shape("whose:N", title=None, scale=alt.Scale(domain=whose, range=["circle", "diamond"])),
        alt.Color("whose:N", title=None, scale=alt.Scale(domain=whose, range=[COLOURS["kept"], COLOURS["other"]])),
    )
    return layered([base.mark_point(filled=True, size=100, opacity=1)], width=WIDTH, height=34 * len(ours))


def loss_curves(rounds: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """One arm: each client's training loss (thin) and the public validation loss (thick) over the rounds.

    Args:
        rounds: `round`, `clients` -> name -> `train_loss`, `validation_nll`, as in training.json.
    """
    lines = [(r["round"], n.get("train_loss"), name) for r in rounds for name, n in r["clients"].items()]
    lines += [(r["round"], r.get("validation_nll"), "validation") for r in rounds]
    marks = [{"round": k, "loss": y, "line": name} for k, y, name in lines if y is not None]
    clients = [m for m in marks if m["line"] != "validation"]
    validation = [m for m in marks if m["line"] == "validation"]
    last = max((m["round"] for m in marks), default=1)
    domain = alt.Scale(domain=[1, max(last, 2)], nice=False)
    x = alt.X(
        "round:Q",
        title="round",
        scale=domain,
        axis=alt.Axis(grid=False, tickCount=min(5, max(last - 1, 1)), format="d"),
    )
    y = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False))
    names = _chart(_line_ends(marks)).mark_text(align="left", dx=8).encode(x, y, text="line:N")
    layers = [
        _chart(clients)
        .mark_line(strokeWidth=1.2, color=COLOURS["other"], point=_dots("other"))
        .encode(x, y, detail="line:N"),
        _chart(validation).mark_line(strokeWidth=2.5, color=COLOURS["kept"], point=_dots("kept")).encode(x, y),
        names,
    ]
    return layered(layers, width=WIDTH - 70, height=190)


def _dots(name: str) -> dict[str, Any]:
    return {"filled": True, "size": 24, "fill": COLOURS[name], "stroke": COLOURS[name]}


def _line_ends(marks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A name at the end of every line, moved apart where lines end close together; validation alone if too many."""
    ends = {m["line"]: dict(m) for m in sorted(marks, key=lambda m: m["round"])}
    if len(ends) > MOST_NAMED + 1:
        ends = {name: end for name, end in ends.items() if name == "validation"}
    losses = [m["loss"] for m in marks]
    room = 0.085 * (max(losses) - min(losses)) if losses else 0.0
    last, apart = max((m["round"] for m in marks), default=1), []
    for end in sorted(ends.values(), key=lambda m: m["loss"]):
        loss = max(end["loss"], apart[-1]["loss"] + room) if apart else end["loss"]
        apart.append(end | {"loss": loss, "round": last, "moved": loss - end["loss"]})
    back = sum(m["moved"] for m in apart) / max(1, len(apart))
    return [m | {"loss": m["loss"] - back} for m in apart]


def phase_seconds(seconds: Mapping[str, float]) -> alt.LayerChart:
    """How long each phase took, in the order in which they ran."""
    marks = [{"phase": name, "seconds": s, "text": duration(s)} for name, s in seconds.items()]
    x = alt.X("seconds:Q", title=None, axis=None)
    base = _chart(marks).encode(_labels("phase", list(seconds)), x)
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


def caught(kinds: Mapping[str, Caught]) -> alt.LayerChart:
    """Share of spoiled public rows that fell below the bar, per kind, with their intervals."""
    marks = [{"kind": kind} | asdict(n) for kind, n in kinds.items()]
    base = _chart(marks).encode(_labels("kind", list(kinds)))
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


def _chart(marks: Sequence[Mapping[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=list(marks)))

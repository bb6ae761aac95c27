"""How the loss of every client went over the rounds of one arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from clues.folders.training import Round
from clues.report.drawing import COLOURS, PICTURES, chart_of, drawn
from clues.report.histogram import WIDTH, layered

if TYPE_CHECKING or PICTURES:
    import altair as alt

MOST_NAMED = 6
"""Clients that are named at their line's end; more of them are drawn alike and read from the table."""


@drawn
def loss_curves(rounds: Sequence[Round]) -> alt.LayerChart:
    """One arm: each client's training loss over the rounds."""
    lines = [(name, each.round, client.train_loss) for each in rounds for name, client in each.clients.items()]
    points = [Point(name, number, loss) for name, number, loss in lines if loss is not None]
    last = max((point.round for point in points), default=1)
    domain = alt.Scale(domain=[1, max(last, 2)], nice=False)
    x = alt.X(
        "round:Q",
        title="round",
        scale=domain,
        axis=alt.Axis(grid=False, tickCount=min(5, max(last - 1, 1)), format="d"),
    )
    y = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False))
    ends = chart_of([asdict(end) for end in _line_ends(points)])
    layers = [
        chart_of([asdict(point) for point in points])
        .mark_line(strokeWidth=1.2, color=COLOURS["other"], point=_dots("other"))
        .encode(x, y, detail="line:N"),
        ends.mark_text(align="left", dx=8).encode(x, y, text="line:N"),
    ]
    return layered(layers, width=WIDTH - 70, height=190)


def _dots(name: str) -> dict[str, str | int | bool]:
    return {"filled": True, "size": 24, "fill": COLOURS[name], "stroke": COLOURS[name]}


@dataclass(frozen=True)
class Point:
    """Of a loss curve."""

    line: str
    round: int
    loss: float


def _line_ends(points: Sequence[Point]) -> list[Point]:
    """A name at the end of every line, moved apart where lines end close together; none if there are too many."""
    ends = {point.line: point for point in sorted(points, key=lambda point: point.round)}
    if len(ends) > MOST_NAMED:
        return []
    losses = [point.loss for point in points]
    room = 0.085 * (max(losses) - min(losses)) if losses else 0.0
    last, moved, apart = max((point.round for point in points), default=1), 0.0, []
    for end in sorted(ends.values(), key=lambda point: point.loss):
        loss = max(end.loss, apart[-1].loss + room) if apart else end.loss
        moved += loss - end.loss
        apart.append(Point(end.line, last, loss))
    back = moved / max(1, len(apart))
    return [replace(end, loss=end.loss - back) for end in apart]

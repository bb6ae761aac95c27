"""The reproduction's pictures, in the style of the product's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from clues.report.drawing import COLOURS
from clues.report.histogram import layered

WIDTH, HEIGHT = 420, 220
PALETTE = (COLOURS["kept"], COLOURS["relevance"], COLOURS["completeness"], COLOURS["fluency"], COLOURS["novelty"])
SHADES = ("#2a6f8a", "#6d9fa8", "#a9bdb4", "#d8b98c", "#d0844f", "#bf4f30", "#7d2412")
"""From no bad data to nothing else."""

Line = Mapping[str, Any]


def curves(lines: Sequence[Line], x: str, y: str, group: str, titles: tuple[str, str]) -> alt.LayerChart:
    """A line per group, named at its end, in shades from good to bad."""
    names = list(dict.fromkeys(line[group] for line in lines))
    colour = alt.Color(f"{group}:N", legend=None, scale=alt.Scale(domain=names, range=_shades(len(names))))
    last = max(line[x] for line in lines)
    ends = _apart([line for line in lines if line[x] == last], y, [line[y] for line in lines])
    along = alt.X(f"{x}:Q", title=titles[0], axis=alt.Axis(grid=False))
    up = alt.Y(f"{y}:Q", title=titles[1], scale=alt.Scale(zero=False))
    drawn = _chart(lines).mark_line(strokeWidth=2, point={"filled": True, "size": 24}).encode(along, up, colour)
    texts = _chart(ends).mark_text(align="left", dx=8).encode(along, up, colour, text=f"{group}:N")
    return layered([drawn, texts], WIDTH, HEIGHT)


def dots(lines: Sequence[Line], name: str, row: str, group: str, title: str) -> alt.LayerChart | None:
    """A number with its interval for every row and group, side by side; None where no line has one."""
    ends = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    lines = [{**line, **{to: line[by] for to, by in ends.items()}} for line in lines if line[ends["low"]] is not None]
    if not lines:
        return None
    rows, groups = (list(dict.fromkeys(line[key] for line in lines)) for key in (row, group))
    base = _chart(lines).encode(
        alt.Y(f"{row}:N", sort=rows, title=None, axis=alt.Axis(labelColor=COLOURS["ink"], labelFontSize=13)),
        alt.YOffset(f"{group}:N", sort=groups, scale=alt.Scale(domain=groups, paddingOuter=0.4)),
        alt.Color(f"{group}:N", title=None, scale=alt.Scale(domain=groups, range=list(PALETTE[: len(groups)]))),
    )
    along = alt.X("low:Q", title=title, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=5))
    layers = [
        base.mark_rule(strokeWidth=2).encode(along, alt.X2("high:Q")),
        base.mark_point(filled=True, size=80, opacity=1).encode(alt.X("value:Q", title=title)),
    ]
    return layered(layers, WIDTH, (14 + 14 * len(groups)) * len(rows))


def gain_chart(lines: Sequence[Line], row: str, group: str) -> alt.LayerChart | None:
    """`gain` over mixed, paired, of every trained method; None where nothing was measured."""
    trained = [line for line in lines if line["method"] != "base"]
    return dots(trained, "gain", row, group, "gain over mixed in test loss (nats per token)")


def strips(lines: Sequence[Line], x: str, row: str, facet: str, title: str) -> alt.LayerChart:
    """A tick for every line, a strip for every row, in the colours of `facet`."""
    rows, groups = (sorted({line[key] for line in lines}) for key in (row, facet))
    drawn = _chart(lines).encode(
        alt.X(f"{x}:Q", title=title),
        alt.Y(f"{row}:N", sort=rows, title=None, axis=alt.Axis(labelColor=COLOURS["ink"], labelFontSize=13)),
        alt.YOffset(f"{facet}:N", sort=groups, scale=alt.Scale(domain=groups, paddingOuter=0.3)),
        alt.Color(f"{facet}:N", title=None, scale=alt.Scale(domain=groups, range=list(PALETTE[: len(groups)]))),
    )
    return layered([drawn.mark_tick(thickness=1.5, opacity=0.7)], WIDTH, 40 * len(rows))


def side_by_side(panels: Sequence[alt.LayerChart]) -> alt.HConcatChart:
    """Pictures in a row."""
    return alt.hconcat(*panels, spacing=60)


def _shades(count: int) -> list[str]:
    return [SHADES[round(i * (len(SHADES) - 1) / max(count - 1, 1))] for i in range(count)]


def _apart(ends: Sequence[Line], y: str, every: Sequence[float]) -> list[dict[str, Any]]:
    """The lines' ends, moved up where their names would stand on one another."""
    room, apart = 0.07 * (max(every) - min(every)), []
    for end in sorted(ends, key=lambda line: line[y]):
        apart.append({**end, y: max(end[y], apart[-1][y] + room) if apart else end[y]})
    return apart


def _chart(lines: Sequence[Line]) -> alt.Chart:
    return alt.Chart(alt.Data(values=[dict(line) for line in lines]))

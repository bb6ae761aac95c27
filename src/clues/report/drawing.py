"""From an altair chart to SVG: one theme, generic fonts, ids of its own, nothing remote, colours to exchange."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec
from xml.etree import ElementTree

from markupsafe import Markup

from clues.plugins import missing, require

if TYPE_CHECKING:
    from altair import Chart, HConcatChart, LayerChart

SVG = "http://www.w3.org/2000/svg"
VEGA_LITE = "6.4"
"""Version of the grammar that altair 6 writes."""
FONT = "sans-serif"
COLOURS = {
    "ink": "#1c2733",
    "quiet": "#5b6875",
    "line": "#dde2e6",
    "kept": "#2a6f8a",
    "fluency": "#7b5ea7",
    "relevance": "#bf4f30",
    "completeness": "#c08a1e",
    "novelty": "#2f5d3a",
    "label": "#35608f",
    "other": "#98a3ad",
    "paper": "#fefefe",
}
"""Name -> colour on light paper. A page makes each a custom property, so that dark mode and print can change it."""
PICTURES = not missing("report")
"""Whether charts can be drawn: altair and its renderer are an extra, and a page says so where a picture would be."""
P = ParamSpec("P")


def drawn(chart: Callable[P, LayerChart]) -> Callable[P, LayerChart | None]:
    """A chart, or nothing where pictures are not installed."""

    @wraps(chart)
    def made(*args: P.args, **kwargs: P.kwargs) -> LayerChart | None:
        return chart(*args, **kwargs) if PICTURES else None

    return made


Mark = Mapping[str, str | float | bool | None]
"""What a chart draws at one place, by the names of its encodings."""


def colour(name: str) -> str:
    """The colour of `kept`, of a criterion, or the neutral one of anything else."""
    return COLOURS.get(name, COLOURS["other"])


def chart_of(marks: Sequence[Mark]) -> Chart:
    """A chart of these marks, to be encoded."""
    import altair as alt

    return alt.Chart(alt.Data(values=list(marks)))


def svg(chart: LayerChart | HConcatChart | None) -> str:
    """The chart as an SVG document with the theme's own colours, for a file or a README."""
    return ElementTree.tostring(_tree(chart), encoding="unicode")


def png(chart: LayerChart | None, scale: float = 2.0) -> bytes:
    """The same picture in pixels, `scale` for each of the chart's own, for places that show no SVG."""
    import vl_convert

    return vl_convert.svg_to_png(svg(chart), scale=scale)


def inline_svg(chart: LayerChart | None, label: str) -> Markup:
    """The chart for the inside of a page: named for screen readers, colours as custom properties of the page; a
    sentence in its place where there is none."""
    if chart is None:
        return Markup("<p>No picture ({}): it needs <code>pip install 'clues[report]'</code>.</p>").format(
            label.rstrip(".")
        )
    root = _tree(chart)
    swap = {value: f"var(--{name}, {value})" for name, value in COLOURS.items()}
    for element in root.iter():
        for attribute in ("fill", "stroke"):
            if element.get(attribute) in swap:
                element.set(attribute, swap[element.attrib[attribute]])
    root.attrib |= {"class": "chart", "role": "img", "aria-label": label}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tree(chart: LayerChart | HConcatChart | None) -> ElementTree.Element:
    require("report")
    assert chart is not None
    import vl_convert

    text = vl_convert.vegalite_to_svg(_themed(chart), vl_version=VEGA_LITE, allowed_base_urls=[])
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(text)
    prefix = "c" + hashlib.sha256(text.encode()).hexdigest()[:10]
    for element in root.iter():
        _clean(element, prefix)
    return root


def _clean(element: ElementTree.Element, prefix: str) -> None:
    """Unique ids; no inline style (a strict policy forbids it) and none of the renderer's notes on every mark."""
    for name, value in list(element.attrib.items()):
        if name.startswith("aria-") or name in ("role", "style", "class", "pointer-events"):
            del element.attrib[name]
        elif name == "id":
            element.set(name, f"{prefix}-{value}")
        elif value.startswith("url(#"):
            element.set(name, f"url(#{prefix}-{value[5:]}")


def _themed(chart: LayerChart | HConcatChart) -> dict[str, Any]:
    ink, quiet, line = COLOURS["ink"], COLOURS["quiet"], COLOURS["line"]
    axis = {
        "domain": False,
        "ticks": False,
        "gridColor": line,
        "labelColor": quiet,
        "labelFontSize": 12,
        "labelPadding": 6,
        "labelLimit": 160,
        "titleColor": quiet,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
    }
    config = {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": axis,
        "axisY": {"tickCount": 4},
        "legend": {
            "labelColor": ink,
            "labelFontSize": 12,
            "titleColor": quiet,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "orient": "top",
            "symbolStrokeWidth": 2,
        },
        "text": {"color": ink, "fontSize": 12},
        "title": {"color": ink, "fontSize": 13, "anchor": "start", "fontWeight": "bold"},
    }
    return chart.to_dict() | {"config": config}

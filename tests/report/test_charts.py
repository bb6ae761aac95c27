from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from clues.folders.run import RunFolder
from clues.report import charts
from clues.report.loss_curves import loss_curves
from clues.statistics.paired import Comparison
from tests.helpers.fake_run import Shape, write_run
from tests.helpers.known import known

HOSTILE = '</svg><script>window.broken=1</script>"&'


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("charts") / "run", Shape(clients=("GARD", "GHR")))
    metrics = RunFolder(folder).metrics.read()
    rounds = RunFolder(folder).training.read().arms["mixed"].rounds
    hostile = [replace(one, clients={HOSTILE: next(iter(one.clients.values()))}) for one in rounds]
    return {
        "histogram": charts.criterion_histogram(
            {"kept": [0.1, 0.2, 2.0], HOSTILE: [-3.0]}, -1.2, {"kept": "kept", HOSTILE: "x"}
        ),
        "nll": charts.models_compared(metrics.models, "test_nll", "test NLL"),
        "choice": charts.models_compared(metrics.models, "choice", "right answer"),
        "differences": charts.differences(metrics.comparisons),
        "areas": charts.areas_under_the_curve({"all kinds": 0.97, HOSTILE: 0.4}, 0.8),
        "loss": loss_curves(hostile),
        "seconds": charts.phase_seconds(metrics.seconds),
        "caught": charts.caught({"cut": charts.Caught(9, 10, 0.9, 0.7, 0.97)}),
    }


def test_every_svg_is_static_text_with_nothing_remote(drawn):
    for name, chart in drawn.items():
        text = charts.svg(chart)
        root = ElementTree.fromstring(text)
        assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {
            "svg",
            "g",
            "path",
            "rect",
            "line",
            "text",
            "defs",
            "clipPath",
            "tspan",
        }, name
        assert not [a for e in root.iter() for a in e.attrib if a == "style" or a.startswith("on") or "href" in a], name
        assert re.findall(r"https?://[^\"]+", text) == [
            u for u in re.findall(r"https?://[^\"]+", text) if "www.w3.org" in u
        ]
        fonts = {e.get("font-family") for e in root.iter() if e.get("font-family")}
        assert fonts == {"sans-serif"}, name
        assert len(text) < 40_000


def test_ids_are_unique_over_charts_on_a_page(drawn):
    texts = [charts.svg(chart) for chart in drawn.values()]
    ids = [name for text in texts for name in re.findall(r'\bid="([^"]+)"', text)]
    assert len(ids) == len(set(ids))
    for text in texts:
        assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(re.findall(r'\bid="([^"]+)"', text))


def test_inline_svg_is_named_and_wears_the_colours_of_the_page(drawn):
    text = charts.inline_svg(drawn["seconds"], "Duration: <b> & more.")
    assert 'role="img"' in text
    assert "Duration: &lt;b&gt; &amp; more." in text
    assert "var(--kept, #2a6f8a)" in text
    assert not re.findall(r'(?:fill|stroke)="#', text)


def test_histogram_counts_every_row_and_no_bin_crosses_the_bar():
    values = {"kept": [-1.19, 0.0, 0.3, 9.0], "dropped": [-1.21, -8.5, float("nan")]}
    spec = known(charts.criterion_histogram(values, -1.2, {"kept": "kept", "dropped": "other"})).to_dict()
    marks = spec["layer"][0]["data"]["values"]
    total = {name: sum(m["above"] - m["below"] for m in marks if m["group"] == name) for name in values}
    assert total == {"kept": 4, "dropped": 2}
    assert all(m["to"] <= -1.2 + 1e-9 for m in marks if m["group"] == "dropped")
    assert all(m["from"] >= -1.2 - 1e-9 for m in marks if m["group"] == "kept")


def test_beside_one_another_histograms_have_one_axis_and_lose_no_far_row():
    edges = charts.bin_edges([[-40.0, 0.3], [2.0, float("nan")]], -0.35)
    assert -0.35 in edges
    assert -11 <= edges[0] <= -10
    assert edges[-1] > 2
    assert len(edges) <= 43
    spec = known(charts.criterion_histogram({"kept": [-40.0, 99.0]}, -0.35, {"kept": "kept"}, edges=edges)).to_dict()
    marks = spec["layer"][0]["data"]["values"]
    assert [m["above"] - m["below"] for m in marks] == [1, 1]
    assert (marks[0]["from"], marks[1]["to"]) == (edges[0], edges[-1])
    # Little evidence gets narrow bins, and a bar far out still has rows on both its sides.
    assert charts.bin_edges([[0.1]], 0.0)[1] - charts.bin_edges([[0.1]], 0.0)[0] == pytest.approx(0.1)
    assert charts.bin_edges([[-50.0]], -30.0)[0] < -30.0
    assert len(charts.bin_edges([[-50.0]], 1e9)) < 120, "a bar that a job may name does not fill the memory"


def test_what_is_not_clear_is_drawn_hollow():
    numbers = [(0.1, 0.01), (-0.1, 0.01), (-0.1, 0.06)]
    pairs = [Comparison("clues", "mixed", "federated", -0.1, -0.2, high, 0.02, p, 3, 3) for high, p in numbers]
    marks = known(charts.differences(pairs)).to_dict()["layer"][1]["data"]["values"]
    assert [m["clear"] for m in marks] == [False, True, False]


def test_png_is_a_picture(drawn):
    assert charts.png(drawn["caught"])[:8] == b"\x89PNG\r\n\x1a\n"

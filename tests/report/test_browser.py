"""Both pages in Debian's Chromium, opened from disk: what a reader does, with and without JavaScript."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from clues.report.coordinator import write_coordinator_report
from clues.report.owner import write_owner_report
from tests.helpers.fake_run import HOSTILE, Shape, write_run
from tests.helpers.markup import look_up, shown_as

CHROMIUM = Path("/usr/bin/chromium")
WARDS = ("ward <b>A</b>", "ward B")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# In CI a missing browser is a failure: the fixture below then raises.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists() and not os.environ.get("CI"), reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("run") / "run", Shape(rows=240, clients=("GARD", "GHR"), groups=WARDS))
    write_coordinator_report(folder)
    write_owner_report(folder / "clients/GARD")
    return folder


@contextmanager
def opened(browser: Browser, path: Path, script: bool = True, width: int = 1200) -> Iterator[Page]:
    """The page at `path`; leaving fails if anything was complained about or asked for besides the file itself."""
    complaints: list[str] = []
    context = browser.new_context(java_script_enabled=script, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url == path.as_uri() else complaints.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert not complaints
    context.close()


def lines(page: Page):
    return page.locator("#table tbody tr")


def cells(page: Page, column: int) -> list[str]:
    return [text.replace("−", "-") for text in page.locator(f"#table tbody td:nth-child({column})").all_inner_texts()]


def test_search_marks_what_it_finds(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        expect(lines(page)).to_have_count(100)
        page.fill("#query", "GALLstones")
        expect(page.locator("#summary")).to_contain_text("of")
        for text in lines(page).all_inner_texts():
            assert "gallstones" in text.lower()
        assert {t.lower() for t in page.locator("#table mark.found").all_inner_texts()} == {"gallstones"}
        page.fill("#query", "(no such [row")
        expect(page.locator("#summary")).to_have_text("No row matches.")
        expect(lines(page)).to_have_count(0)


def test_pager_goes_through_all_rows(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        seen = set()
        for first in (1, 101, 201):
            expect(page.locator("#summary")).to_contain_text(f"Rows {first} to")
            seen |= set(cells(page, 8))
            if first < 201:
                page.click("#next")
        assert len(seen) == 240
        expect(page.locator("#next")).to_be_disabled()


def test_sorting_by_every_column(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        for column, name in ((3, "fluency"), (6, "novelty"), (7, "p"), (8, "line")):
            for way in ("ascending", "descending"):
                page.click(f"#table th button:text-is('{name}')")
                expect(page.locator(f"#table th:nth-child({column})")).to_have_attribute("aria-sort", way)
                values = [float(text) for text in cells(page, column) if text != "–"]
                assert values == sorted(values, reverse=way == "descending")
        page.select_option("#order", "nearest")
        bar = json.loads(page.locator("#data").text_content() or "")["bar"]
        evidence = zip(*(cells(page, k) for k in (3, 4, 5, 6)), strict=True)
        worst = [min(float(text) for text in row if text != "–") for row in evidence]
        distance = [round(abs(w - bar), 2) for w in worst]
        assert all(b >= a - 0.011 for a, b in pairwise(distance))


def test_filters_narrow_and_the_export_holds_what_is_left(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        page.select_option("#reason", "relevance")
        page.select_option("#group", label="group “ward B”")
        texts = lines(page).all_inner_texts()
        assert texts
        assert all("does not answer the question" in text for text in texts)
        with page.expect_download() as download:
            page.click("#export")
        exported = Path(download.value.path()).read_text().splitlines()
        assert exported[0] == "id,line,decision,reason"
        assert len(exported) == len(texts) + 1
        assert all(line.endswith(",dropped,relevance") and int(line.split(",")[1]) % 2 == 0 for line in exported[1:])
        page.select_option("#state", "kept")
        expect(page.locator("#export")).to_be_disabled()


def test_a_row_in_full(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        page.select_option("#reason", "relevance")
        row_id = lines(page).first.get_attribute("data-id")
        page.locator("#table tbody tr .open").first.focus()
        page.keyboard.press("Enter")
        dialog = page.locator("#detail")
        expect(dialog).to_be_visible()
        text = dialog.inner_text()
        record = json.loads(
            (run / "clients/GARD/data.jsonl").read_text().split("\n")[int(str(row_id).split("-")[0]) - 1]
        )
        assert record["question"] in text
        assert record["answer"] in text
        for needed in (
            "Dropped: does not answer the question",
            "below the bar",
            "round 2",
            "Nearest kept row",
            str(row_id),
        ):
            assert needed in text
        assert dialog.locator("svg.spark").count() == 4
        ranks = dialog.locator("table", has_text="Rank among").locator("tbody td").all_inner_texts()
        assert len(ranks) == 4 * 4  # before training, two rounds, the line
        assert "–" not in ranks
        page.keyboard.press("Tab")
        assert "A relevant answer has large ones" in dialog.inner_text()
        dialog.get_by_label("words that read badly").check()
        assert "fluency.forward" in dialog.inner_text()
        dialog.get_by_role("button", name="Next").click()
        assert str(row_id) not in dialog.inner_text()
        page.keyboard.press("Escape")
        expect(dialog).not_to_be_visible()


def test_words_said_before_are_marked_in_a_row_that_repeats_itself(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        page.select_option("#reason", "novelty")
        expect(lines(page).first).to_contain_text("dropped: repeats itself")
        assert lines(page).first.locator("mark.s2").count() >= 1
        lines(page).first.locator(".open").click()
        dialog = page.locator("#detail")
        assert dialog.get_by_label("words said before").is_checked()
        marked = dialog.locator(".answer").first.locator("mark.s2").all_inner_texts()
        assert 1 <= len(marked) <= 12
        named = dialog.locator(".counted bdi").all_inner_texts()
        assert named == marked[: len(named)]
        assert "the novelty.forward of this row; half of the anchors have" in dialog.inner_text()
        dialog.get_by_label("words that its question tells more about").check()
        assert "Its own question tells most about" in dialog.inner_text()
        assert dialog.locator(".answer").first.locator("mark.s2").count() == 0


def test_four_charts_stand_two_by_two_and_nothing_sticks_out(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        figures = [figure.bounding_box() for figure in page.locator("#bar figure").all()]
        assert len({round(box["x"]) for box in figures if box}) == 2
        assert len({round(box["y"]) for box in figures if box}) == 2
        page.select_option("#reason", "novelty")
        lines(page).first.locator(".open").click()
        wide = page.evaluate(
            "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.getElementById('detail'))"
        )
        assert wide == 0


def test_hostile_rows_stay_text_wherever_they_are_shown(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        for prompt, answer in HOSTILE[:3]:
            page.fill("#query", prompt)
            expect(lines(page)).to_have_count(1)
            page.locator("#table tbody tr .open").click()
            shown = page.locator("#detail .answer").first.text_content()
            assert shown == answer
            page.get_by_role("button", name="Close").click()
        page.wait_for_timeout(100)
        assert page.evaluate("window.broken") is None
        assert page.locator("img").count() == 0


@pytest.mark.parametrize("name", ["report.html", "clients/GARD/report.html"])
def test_a_phone_scrolls_in_one_direction_only(chromium, run, name):
    with opened(chromium, run / name, width=360) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", ["report.html", "clients/GARD/report.html"])
def test_text_has_contrast_in_light_and_dark(chromium, run, name):
    with opened(chromium, run / name) as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            ratios = page.evaluate(CONTRAST)
            assert ratios
            assert min(ratios) >= 4.5, (scheme, ratios)


CONTRAST = """() => {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    const parts = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255);
    const [r, g, b] = parts.map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.documentElement);
  const value = (name) => luminance(style.getPropertyValue(name));
  const pairs = [["--ink", "--paper"], ["--quiet", "--paper"], ["--link", "--paper"], ["--ink", "--panel"],
    ["--quiet", "--panel"], ["--ink", "--warn"], ["--ink", "--shade"], ["--ink", "--found"]];
  return pairs.map(([a, b]) => {
    const [x, y] = [value(a), value(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  });
}"""


def test_the_coordinators_page_without_javascript(chromium, run):
    with opened(chromium, run / "report.html", script=False) as page:
        assert_sections_speak(page)
        metrics = json.loads((run / "metrics.json").read_text())
        numbers = page.locator("[data-metric]").all()
        assert len(numbers) > 60
        for number in numbers:
            value = look_up(metrics, number.get_attribute("data-metric") or "")
            assert shown_as(value, number.text_content() or ""), (number.get_attribute("data-metric"), value)


def test_the_owners_page_without_javascript(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html", script=False) as page:
        assert_sections_speak(page)
        expect(page.locator(".static tbody tr")).to_have_count(50)
        expect(page.locator(".static")).to_be_visible()
        expect(page.locator("#explorer")).not_to_be_visible()
        assert page.locator("svg.chart").count() == 5


def test_print_shows_the_static_rows(chromium, run):
    with opened(chromium, run / "clients/GARD/report.html") as page:
        page.emulate_media(media="print")
        expect(page.locator(".static")).to_be_visible()
        expect(page.locator("#explorer")).not_to_be_visible()
        assert page.pdf().startswith(b"%PDF")


def assert_sections_speak(page: Page) -> None:
    sections = page.locator("main section").all()
    assert len(sections) >= 7
    for section in sections:
        heading = section.locator("h2").inner_text()
        assert len(section.inner_text().split()) > len(heading.split()) + 8, heading

"""Both pages without a browser: sections, numbers, edge cases, and what must never be in them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from clues.report.coordinator import write_coordinator_report
from clues.report.owner import write_owner_report
from clues.report.page import LARGEST
from tests.helpers.fake_run import Shape, write_run
from tests.helpers.markup import Page, look_up, numbers_in, shown_as

COORDINATOR_SECTIONS = [
    "clients",
    "bar",
    "found",
    "models",
    "training",
    "federation",
    "time",
    "reproduce",
    "limits",
    "glossary",
]
OWNER_SECTIONS = ["bar", "power", "groups", "rows", "audit", "aside", "reproduce", "limits", "glossary"]
SHAPES = {
    "usual": Shape(),
    "none dropped": Shape(spoiled=0.0, alpha=0.02, hostile=False),
    "all dropped": Shape(shift=9.0, spoiled=1.0),
    "forward only": Shape(channels="forward"),
    "own files without labels": Shape(labels=False),
    "equal epochs": Shape(epochs=True),
    "nothing extra": Shape(explanations=False, unseen=False, power=False, training=False, labels=False, counts=False),
    "one client": Shape(clients=("GARD",)),
    "seven clients": Shape(clients=tuple("abcdefg"), rows=6),
    "few anchors for alpha": Shape(alpha=0.01),
}

LEFT_OUT = re.compile(
    r"models\..*\.perplexity(_low|_high)?"  # the likelihood in another unit
    r"|comparisons\..*\.(documents|p_bootstrap)"
    r"|selection\.(channels|clients|rules|published)\..*(_low|_high|rows|clean|kept)"
    r"|selection\.(clients|rules|published).*\.(good_among_dropped|accuracy)"
    r"|selection\.published\..*kinds\..*"
)
"""Numbers beside the point: counts and intervals of what is shown to be compared with the selection itself."""


@dataclass(frozen=True)
class Made:
    """A run's folder, to be read only, the coordinator's page and that of the first client."""

    folder: Path
    page: Page
    own: Page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """`made(shape)` is a run of that shape with its pages, made once."""

    @cache
    def make(shape: Shape) -> Made:
        folder = write_run(tmp_path_factory.mktemp("run") / "run", shape)
        client = sorted((folder / "clients").iterdir())[0]
        return Made(folder, Page(write_coordinator_report(folder)), Page(write_owner_report(client)))

    return make


@pytest.mark.parametrize("name", SHAPES)
def test_every_section_has_meaningful_text(made, name):
    page, own = made(SHAPES[name]).page, made(SHAPES[name]).own
    assert list(page.sections) == COORDINATOR_SECTIONS
    assert list(own.sections) == OWNER_SECTIONS
    for id_, text in [*page.sections.items(), *own.sections.items()]:
        assert len(text.split()) > 8, f"{name}: section {id_} says {text!r}"
    for either in (page, own):
        assert not re.findall(r"\b(None|nan|Undefined|inf)\b", either.text), name
        assert len(either.source.encode()) < LARGEST


@pytest.mark.parametrize("name", SHAPES)
def test_numbers_are_those_of_the_files(made, name):
    folder, page = made(SHAPES[name]).folder, made(SHAPES[name]).page
    files = {
        key: json.loads((folder / f"{name}.json").read_text())
        for key, name in (("metric", "metrics"), ("count", "selection"))
    }
    assert page.numbers
    for attribute, path, exact, text in page.numbers:
        value = look_up(files[attribute], path)
        assert float(exact) == value, path
        assert shown_as(value, text), f"{path}: {value} shown as {text}"


def test_every_number_of_metrics_is_shown(made):
    run = made(Shape())
    shown = {path for kind, path, *_ in run.page.numbers if kind == "metric"}
    there = set(numbers_in(json.loads((run.folder / "metrics.json").read_text())))
    assert {path for path in there - shown if not LEFT_OUT.fullmatch(path)} == {"schema_version", "job.seed"}
    assert len(there) > 150


def test_edge_cases_are_said_in_words(made):
    def pages(shape):
        return made(shape).page, made(shape).own

    page, own = pages(SHAPES["all dropped"])
    assert "Every row fell below the bar" in own.text
    assert "Whole clients were dropped" in page.text
    page, own = pages(Shape(clients=("GARD",), channels="forward", labels=False, explanations=False, power=False))
    assert "Only forward channels were used" in page.sections["found"]
    assert "not known which rows" in page.sections["found"]
    assert "Only forward channels" in own.sections["bar"]
    assert "no word is underlined" in own.sections["rows"]
    assert "not known here" in own.sections["power"]
    assert "the only client" in page.text
    page, own = pages(Shape(typos=0.2))
    found = page.sections["found"]
    assert "Edits that leave an answer good" in found
    assert "typos typing errors, which leave an answer good32" in re.sub(r"\s*\n\s*", "", found)
    page, _ = pages(SHAPES["few anchors for alpha"])
    assert "Edits that leave an answer good" not in page.text
    assert "Too few anchors" in page.text
    assert "no clear difference" in page.sections["models"]
    assert "Simulated data" in page.text
    assert "Wrong facts are not detected" in page.sections["limits"]


def test_the_coordinators_page_holds_no_row_and_no_path(made):
    folder, source = made(Shape()).folder, made(Shape()).page.source
    for file in folder.glob("clients/*/data.jsonl"):
        for line in file.read_text().strip().split("\n"):
            for text in json.loads(line).values():
                words = text.split()
                assert not any(" ".join(words[i : i + 5]) in source for i in range(len(words) - 4))
    for line in (folder / "clients/GARD/data.jsonl").read_text().strip().split("\n"):
        assert json.loads(line)["question"] not in source
    assert str(folder.parent) not in source


def test_a_clients_path_in_the_job_stays_out_of_the_page(tmp_path):
    folder = write_run(tmp_path / "run")
    (folder / "job.toml").write_text(
        '[[clients]]\nname = "gard"\ndata = "/secret/ward/data.jsonl"\n[public]\nanchors = "/secret/anchors.jsonl"\n'
    )
    source = write_coordinator_report(folder).read_text()
    assert "secret" not in source
    assert "anchors.jsonl" in source


def test_a_page_without_text_holds_none(tmp_path):
    folder = write_run(tmp_path / "run") / "clients/GARD"
    source = write_owner_report(folder, include_text=False).read_text()
    for line in (folder / "data.jsonl").read_text().strip().split("\n"):
        assert json.loads(line)["question"] not in source
        assert json.loads(line)["answer"][:40] not in source
    assert "left out of this page" in source
    assert len(Page(folder / "report-without-text.html").sections["rows"].split()) > 8


def test_rows_cannot_become_markup(made):
    page = made(Shape()).own
    assert not [tag for tag, _ in page.tags if tag in ("img", "b", "iframe", "object", "link", "base", "form")]
    assert [attributes.get("type") for tag, attributes in page.tags if tag == "script"] == ["application/json", None]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.source, re.S)
    assert data
    assert not set("<>&\u2028") & set(data[1])
    answers = {"".join(piece[0] for piece in row["answer"]) for row in json.loads(data[1])["rows"]}
    assert "</script><script>window.broken=1</script> A closing tag." in answers


def test_the_policy_allows_only_what_is_in_the_page(made):
    for page, scripted in ((made(Shape()).page, False), (made(Shape()).own, True)):
        [policy] = [
            a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert ("script-src 'sha256-" in policy) == scripted
        assert not [a for _, attributes in page.tags for a in attributes if a in ("src", "srcset")]
        assert {a["href"][0] for t, a in page.tags if t == "a" and a.get("href")} == {"#"}


def test_tables_and_controls_are_labelled(made):
    for page in (made(Shape()).page, made(Shape()).own):
        assert page.source.count("<caption") == page.source.count("<table")
        assert not [a for t, a in page.tags if t == "th" and a.get("scope") not in ("col", "row")]
        assert not [a for t, a in page.tags if t == "svg" and not (a.get("aria-label") or a.get("aria-hidden"))]
        assert [a["lang"] for t, a in page.tags if t == "html"] == ["en"]
        ids = [a["id"] for _, a in page.tags if a.get("id")]
        assert len(ids) == len(set(ids))
        targets = {a["href"][1:] for t, a in page.tags if t == "a" and a.get("href")}
        assert targets <= set(ids)


def test_an_owners_decision_is_told_apart_from_the_rule(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",), hostile=False)) / "clients/GARD"
    written = pq.read_table(folder / "scores.parquet")
    table = written.to_pandas()
    first = table.index[table["keep"] == True][0]  # noqa: E712 - a set-aside record has neither
    table.loc[first, ["keep", "decision"]] = [False, "drop"]
    import pyarrow as pa

    changed = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(written.schema.metadata)
    pq.write_table(changed, folder / "scores.parquet")
    kept = (folder / "kept.jsonl").read_text().splitlines(keepends=True)
    (folder / "kept.jsonl").write_text("".join(kept[1:]))
    entry = {
        "id": table.loc[first, "id"],
        "line": int(table.loc[first, "line"]),
        "reason": "owner",
        "p": 0.5,
        "evidence": 1.0,
        "record": json.loads(kept[0]),
    }
    with (folder / "dropped.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
    page = Page(write_owner_report(folder))
    assert "1 was dropped by its owner" in page.text
    assert "1 row follows your own decision" in page.text


def test_a_large_file_makes_a_page_that_browsers_open(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",), rows=2300)) / "clients/GARD"
    path = write_owner_report(folder)
    assert path.stat().st_size < LARGEST
    page = Page(path)
    assert "2,000 of 2,300 rows" in page.sections["rows"]
    assert pq.read_table(folder / "scores.parquet", filters=pc.field("status") == "scored").num_rows == 2300
    shutil.rmtree(folder)

"""docs/GLOSSARY.md: every term once and short, in the code where it says, and used so on pages and in the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "GLOSSARY.md").read_text(encoding="utf-8")
ENTRIES = [entry for entry in PAGE.split("\n\n") if entry.startswith("**")]
TERMS = [term for entry in ENTRIES for term in re.findall(r"\*\*([^*]+)\*\*", entry)]
SAID = [*(ROOT / "src/clues/report/templates").rglob("*.j2"), *(ROOT / "src/clues/cli/text").glob("*.py")]
NOT_SAID = {
    "row": r"verdict(?!s in <code>audit)|judge[sd]? (the|a|each|every) row|rows? (is|are|was|were) judged",
    "owner": r"(?i)data holder|data provider",
    "anchor": r"(?i)calibration (set|point|row)s?",
    "evidence": r"(?i)quality score",
}
"""A term, and other words for it that pages and terminal leave alone."""


def test_every_term_stands_there_once_and_in_two_lines():
    assert len(TERMS) == len(set(TERMS)) >= 12
    assert {"row", "anchor", "bar", "criterion", "channel", "evidence", "p", "decision", "judge", "arm"} <= set(TERMS)
    for entry in ENTRIES:
        assert len(entry.strip().split("\n")) == 2, entry
        assert all(len(line) <= 160 for line in entry.split("\n")), entry


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.split("**")[1])
def test_a_term_is_in_the_code_where_the_glossary_says(entry):
    named = re.findall(r"`([\w/]+(?:\.py|/))`", entry)
    assert all((ROOT / "src" / "clues" / name).exists() for name in named), named
    for symbol, file in re.findall(r"`([A-Za-z_]+)` in `([\w/]+\.py)`", entry):
        source = (ROOT / "src" / "clues" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(class|def) {symbol}\b|^{symbol}\b.*=", source, re.M), f"{symbol} in {file}"


@pytest.mark.parametrize("document", ["README.md", "docs/ARCHITECTURE.md"])
def test_it_is_linked_from_where_readers_begin(document):
    assert "GLOSSARY.md)" in (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("term", NOT_SAID)
def test_pages_and_terminal_call_a_thing_by_its_name(term):
    assert term in TERMS
    for file in SAID:
        found = re.search(NOT_SAID[term], file.read_text(encoding="utf-8"))
        assert found is None, f"{file.relative_to(ROOT)}: {found[0]!r}; the glossary says {term}"


def test_pages_explain_their_terms_as_the_glossary_names_them():
    on_page = (ROOT / "src/clues/report/templates/glossary.html.j2").read_text(encoding="utf-8")
    explained = [term for found in re.findall(r"<dt>([^<]+)</dt>", on_page) for term in found.lower().split(", ")]
    for term in ("row", "criterion", "channel", "evidence", "p", "bar", "checkpoint", "client", "adapter"):
        assert term in explained
        assert term in TERMS

"""verdicts.json and docs/research/REPRODUCTION.md, from artefacts' files alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clues.disk.writing import write_json
from clues_research.places import DOCS
from clues_research.reproduction.claims import CLAIMS, OWN, claim_of
from clues_research.reproduction.files import REPRODUCTION, write_text
from clues_research.reproduction.selections import RULE
from clues_research.reproduction.verdicts import HOLDS, UNKNOWN, as_expected, together
from clues_research.reproduction.words import COLUMNS, heading
from clues_research.reproduction.worlds import SEEDS

PAGE = DOCS / "research" / "REPRODUCTION.md"
MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\|*_`[]"})
"""What an answer must not do to the page."""


def write_page(names: Sequence[str], docs: Path = REPRODUCTION, page: Path = PAGE) -> list[str]:
    """verdicts.json and the page, from the artefacts' files that are there."""
    files = {name: docs / name / f"{name}.json" for name in names}
    made = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    findings = [finding for artefact in made.values() for finding in artefact["findings"]]
    verdicts = [entry for claim in CLAIMS for entry in _verdicts(claim.name, findings)]
    write_json({"verdicts": verdicts}, docs / "verdicts.json")
    there = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    there.filters |= {"estimate": estimate, "cell": cell, "heading": heading, "rows": rows_of}
    own = [claim.name for claim in OWN]
    text = there.get_template("REPRODUCTION.md.j2").render(
        claims=CLAIMS, own=own, artefacts=made, verdicts=verdicts, seeds=SEEDS, alpha=RULE.alpha, columns=COLUMNS,
        as_expected=as_expected, summary=summary, counted=counted,
    )  # fmt: skip
    write_text(page, text)
    return [str(docs / "verdicts.json"), str(page)]


def _verdicts(name: str, findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One verdict on a claim for the published selection and one for ours; one alone where it is about neither."""
    claim, about = claim_of(name), [finding for finding in findings if finding["claim"] == name]
    head = {"claim": name, "artefact": claim.artefact, "comparisons_needed": claim.comparisons}
    result = []
    for whose in dict.fromkeys(finding["whose"] for finding in about):
        own = [finding for finding in about if finding["whose"] == whose]
        word = together([finding["verdict"] for finding in own], claim.comparisons)
        keys = ("about", "value", "low", "high", "verdict", "per_seed")
        compared = [{key: one[key] for key in keys} | {"seeds": sorted(map(int, one["per_seed"]))} for one in own]
        result.append(head | {"whose": whose, "verdict": word, "comparisons": compared})
    return result or [head | {"whose": "", "verdict": UNKNOWN, "comparisons": []}]


def summary(found: Mapping[str, Any]) -> str:
    """A verdict in a cell: `holds`, or, of several comparisons, in how many of them it does."""
    words = [one["verdict"] for one in found["comparisons"]]
    if not words:
        return "not made yet"
    if not claim_of(found["claim"]).comparable:
        return "cannot be told here"
    needed = found["comparisons_needed"]
    return f"{found['verdict']}{f' (holds in {words.count(HOLDS)} of {needed})' if needed > 1 else ''}"


def counted(verdicts: Sequence[Mapping[str, Any]], whose: str) -> str:
    """How many claims hold, do not, and so on, of those about one selection and those about neither."""
    words = [summary(found).partition(" (")[0] for found in verdicts if found["whose"] in (whose, "")]
    return ", ".join(f"{word} {count}" for word, count in sorted(Counter(words).items()))


def rows_of(lines: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Mapping[str, Any]]:
    """The lines of one of a page's tables: those that have one of its own columns."""
    return [line for line in lines if all(line.get(name) is not None for name in columns[:2])]


def estimate(found: Mapping[str, Any], name: str = "value") -> str:
    """`0.974 (0.960 to 0.985)`"""
    low, high = (found.get(end if name == "value" else f"{name}_{end}") for end in ("low", "high"))
    value = cell(found.get(name))
    return value if low is None or high is None else f"{value} ({cell(low)} to {cell(high)})"


def cell(value: Any) -> str:
    """A value in a table of the page."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{round(value, 3) + 0.0:.3f}" if isinstance(value, float) else f"{value:,}"  # no -0.000
    return escape(" ".join(str(value).split()), quote=False).translate(MARKUP)

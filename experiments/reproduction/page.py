"""Writes what was found: a folder per artefact, verdicts.json and manifest.json in docs/reproduction, and the page.

The page is rendered from these files alone: `python -m experiments.reproduction.page`.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from experiments.reproduction.artefact import Artefact
from experiments.reproduction.claims import (
    CLAIMS,
    OWN,
    UNKNOWN,
    Finding,
    Verdict,
    as_expected,
    claim_of,
    together,
    verdict,
)
from experiments.reproduction.results import Results
from experiments.reproduction.selections import RULE
from experiments.reproduction.worlds import SEEDS
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clues.data.writing import write_json
from clues.report.drawing import svg

DOCS = Path(__file__).parents[2] / "docs" / "reproduction"
PAGE = DOCS.parent / "REPRODUCTION.md"
DIGITS = 4
MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\|*_`[]"})
"""What an answer must not do to the page."""


def write_artefact(make: Callable[[Results], Artefact], results: Results, docs: Path = DOCS) -> list[str]:
    """Write one artefact's CSV, SVG and findings, and tie them to the files they were read from."""
    results.used.clear()
    made = make(results)
    folder = docs / made.name
    folder.mkdir(parents=True, exist_ok=True)
    files = [_csv(made.lines, folder / f"{made.name}.csv")]
    if made.chart is not None:
        files.append(folder / f"{made.name}.svg")
        files[-1].write_text(svg(made.chart) + "\n")
    content = {
        "title": made.title,
        "shown": made.shown,
        "notes": made.notes,
        "picture": made.chart is not None,
        "findings": [_judged(finding) for finding in made.findings],
        "lines": _rounded(made.lines),
    }
    write_json(content, folder / f"{made.name}.json")
    files.append(folder / f"{made.name}.json")
    outputs = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    _into(docs / "manifest.json", made.name, {"inputs": dict(sorted(results.used.items())), "outputs": outputs})
    return [str(file) for file in files]


def _csv(lines: Sequence[Mapping[str, Any]], file: Path) -> Path:
    names = list(dict.fromkeys(name for line in lines for name in line))
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rounded(lines))
    return file


def _rounded(value: Any) -> Any:
    """Floats of a tree with so many digits as are known."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def _judged(finding: Finding) -> dict[str, Any]:
    claim = claim_of(finding.claim)
    found = verdict(finding.value, finding.low, finding.high, finding.n, claim.bound)
    if not claim.comparable:
        found = Verdict(UNKNOWN, None, None)
    return _rounded(asdict(finding) | {"bound": claim.bound, "verdict": found.word} | {
        "smallest": found.smallest, "needed": found.needed
    })  # fmt: skip


def _into(file: Path, name: str, entry: Mapping[str, Any]) -> None:
    """One artefact's entry, others as they were."""
    before = json.loads(file.read_text())["artefacts"] if file.exists() else {}
    write_json({"artefacts": dict(sorted((before | {name: entry}).items()))}, file)


def write_page(names: Sequence[str], docs: Path = DOCS, page: Path = PAGE) -> list[str]:
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
    there.filters |= {"estimate": estimate, "cell": cell}
    own = [claim.name for claim in OWN]
    text = there.get_template("REPRODUCTION.md.j2").render(
        claims=CLAIMS,
        own=own,
        artefacts=made,
        verdicts=verdicts,
        seeds=SEEDS,
        alpha=RULE.alpha,
        as_expected=as_expected,
    )
    page.write_text(text, encoding="utf-8")
    return [str(docs / "verdicts.json"), str(page)]


def _verdicts(claim: str, findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One verdict on a claim for the published selection and one for ours; one alone where it is about neither."""
    result, about = [], [finding for finding in findings if finding["claim"] == claim]
    for whose in dict.fromkeys(finding["whose"] for finding in about):
        own = [finding for finding in about if finding["whose"] == whose]
        result.append(
            {
                "claim": claim,
                "artefact": claim_of(claim).artefact,
                "whose": whose,
                "verdict": together([finding["verdict"] for finding in own]),
                "comparisons": [
                    {key: one[key] for key in ("about", "value", "low", "high", "verdict", "seeds")} for one in own
                ],
            }
        )
    unmade = {"claim": claim, "artefact": claim_of(claim).artefact, "whose": "", "verdict": together([])}
    return result or [unmade | {"comparisons": []}]


def estimate(found: Mapping[str, Any], name: str = "value") -> str:
    """`0.974 (0.960 to 0.985)`"""
    low, high = (found.get(end if name == "value" else f"{name}_{end}") for end in ("low", "high"))
    value = cell(found.get(name))
    return value if low is None or high is None else f"{value} ({low:.3f} to {high:.3f})"


def cell(value: Any) -> str:
    """A value in a table of the page."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
    return escape(" ".join(str(value).split()), quote=False).translate(MARKUP)


def main() -> None:
    """Render the page anew."""
    from experiments.reproduction.plan import READ

    print(*write_page(tuple(READ)), sep="\n")


if __name__ == "__main__":
    main()

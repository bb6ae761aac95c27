"""A folder per table or figure in docs/reproduction: its numbers, its picture, its findings; and manifest.json."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from clues.disk.writing import replacing, write_json
from clues.report.drawing import svg
from clues_research.places import DOCS
from clues_research.reproduction.artefact import Artefact
from clues_research.reproduction.claims import Finding, claim_of
from clues_research.reproduction.results import Results
from clues_research.reproduction.verdicts import UNKNOWN, Verdict, verdict

REPRODUCTION = DOCS / "reproduction"
DIGITS = 4


def write_artefact(make: Callable[[Results], Artefact], results: Results, docs: Path = REPRODUCTION) -> list[str]:
    """Write one artefact's CSV, SVG and findings, and tie them to the files they were read from."""
    results.used.clear()
    made = make(results)
    folder = docs / made.name
    folder.mkdir(parents=True, exist_ok=True)
    files = [_csv(made.lines, folder / f"{made.name}.csv")]
    if made.chart is not None:
        files.append(folder / f"{made.name}.svg")
        write_text(files[-1], svg(made.chart) + "\n")
    files.append(folder / f"{made.name}.json")
    write_json(_content(made, results), files[-1])
    outputs = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    _into(docs / "manifest.json", made.name, {"inputs": dict(sorted(results.used.items())), "outputs": outputs})
    return [str(file) for file in files]


def _content(made: Artefact, results: Results) -> dict[str, Any]:
    return {
        "title": made.title,
        "shown": made.shown,
        "notes": made.notes,
        "picture": made.chart is not None,
        "machines": results.machines(),
        "findings": [_judged(finding) for finding in made.findings],
        "lines": rounded(made.lines),
    }


def _csv(lines: Sequence[Mapping[str, Any]], file: Path) -> Path:
    names = list(dict.fromkeys(name for line in lines for name in line))
    out = StringIO(newline="")
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rounded(lines))
    write_text(file, out.getvalue())
    return file


def write_text(file: Path, text: str) -> None:
    """The whole file or none of it."""
    with replacing(file) as scratch:
        scratch.write_text(text, encoding="utf-8")


def rounded(value: Any) -> Any:
    """Floats of a tree with so many digits as are known."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def _judged(finding: Finding) -> dict[str, Any]:
    claim, found = claim_of(finding.claim), finding.found
    made = verdict(found, claim.bound) if claim.comparable else Verdict(UNKNOWN, None, None)
    numbers = asdict(found) | {"bound": claim.bound, "smallest": made.smallest, "needed": made.needed}
    about = {"claim": finding.claim, "whose": finding.whose, "about": finding.about, "measure": finding.measure}
    return about | {"verdict": made.word} | rounded(numbers)


def _into(file: Path, name: str, entry: Mapping[str, Any]) -> None:
    """One artefact's entry, others as they were."""
    before = json.loads(file.read_text())["artefacts"] if file.exists() else {}
    write_json({"artefacts": dict(sorted((before | {name: entry}).items()))}, file)

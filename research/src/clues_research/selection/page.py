"""docs/research/STUDY.md from docs/study/selection_summary.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clues.data.damage.spoil import SUBTLE
from clues_research.places import DOCS, TABLES
from clues_research.selection.measure import PLAIN, kinds_of
from clues_research.selection.plan import plan
from clues_research.selection.validity import DRAWS

SUMMARY = DOCS / "study" / "selection_summary.json"
PAGE = DOCS / "research" / "STUDY.md"


def estimate(found: dict[str, Any] | None) -> str:
    """`0.974 (0.960 to 0.985)`"""
    if not found or found["value"] is None:
        return "–"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def short(found: dict[str, Any]) -> str:
    """The value alone."""
    return f"{found['value']:.3f}"


def write_page() -> None:
    """Write the page."""
    summary = json.loads(SUMMARY.read_text())
    there = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    there.filters |= {"estimate": estimate, "short": short}
    missing = [planned.name for planned in plan(Path()) if not (TABLES / f"{planned.name}.parquet").exists()]
    text = there.get_template("STUDY.md.j2").render(
        summary=summary, seven=kinds_of(PLAIN), subtle=SUBTLE, draws=DRAWS, missing=missing
    )
    PAGE.write_text(text)

"""Scores in replies that are JSON: what is to be read as a number, as text."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

INTRODUCTION = re.compile(r"\A[^{\d]*:\s*(?=\{)")
"""`Here it is:` before JSON."""


def parse_json(text: str) -> tuple[bool, Any]:
    """Whether the whole text is JSON, an introduction apart, and what it holds: nothing where a name stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
        return dict(pairs) if len({name.lower() for name, _ in pairs}) == len(pairs) else None

    try:
        return True, json.loads(INTRODUCTION.sub("", text), object_pairs_hook=once)
    except (ValueError, RecursionError):
        return False, None


def score_of_json(found: Any) -> list[str]:
    """`{"score": 0.7}`, or the number itself."""
    return _number(found.get("score", found.get("Score")) if isinstance(found, dict) else found)


def sides_of_json(found: Any) -> dict[str, list[str]]:
    """`{"a": 7, "b": 8}`, `{"score_a": …}`, `{"Score A": …}`, or a list of two."""
    if isinstance(found, list) and len(found) == 2:
        found = {"a": found[0], "b": found[1]}
    sides: dict[str, list[str]] = {"A": [], "B": []}
    for name, value in found.items() if isinstance(found, dict) else ():
        if name.lower().replace(" ", "_") in ("a", "b", "score_a", "score_b", "answer_a", "answer_b"):
            sides[name[-1].upper()] += _number(value)
    return sides


def _number(found: Any) -> list[str]:
    """A number of a JSON reply as text, to be read like any other."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return []
    if isinstance(found, float) and math.isfinite(found):
        return [format(Decimal(str(found)), "f")]  # 1e-05 as 0.00001
    return [str(found)]

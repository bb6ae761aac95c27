"""Scores out of replies, strictly: what can be read in two ways, or is out of range, is unreadable and never a number.

Accepted are a line `Score: 0.7`, JSON, or a reply with no other number in it; `7/10` and `7 out of 10` where ten is the
top of the scale. Nothing is rescaled or clipped.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

UNIT = (0.0, 1.0)
"""Of one answer against the reference."""
TEN = (1.0, 10.0)
"""Of two answers side by side."""

Scale = tuple[float, float]

THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.S)
FENCE = re.compile(r"\A```\w*\n(.*)\n```\Z", re.S)
BEGIN = r"^[\W_]*(?:(?:final|overall|my|the)\s+)*(?:score|rating)"
LABELLED = re.compile(rf"{BEGIN}[*_\"'`\s]*(?:[:=]|is\b)(.*)$", re.I | re.M)
SIDE = r"[\s(\[*_]*(?:(?:of|for|answer|response|assistant)\s+)*([AB])[)\]*_\"'`\s]*"
LABELLED_SIDE = re.compile(rf"{BEGIN}{SIDE}(?:[:=]|is\b)(.*)$", re.I | re.M)
BARE_SIDE = re.compile(r"^[\W_]*(?:(?:answer|response|assistant)\s+)?([AB])[)\]*_\"'`\s]*[:=](.*)$", re.I | re.M)
APART = re.compile(r"[,;.]\s+(?:and\s+)?(?=(?:score|rating)\b)", re.I)
"""Where `Score A: 7, Score B: 8` is two lines in one."""
NUMBER = re.compile(r"([+\-−]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))(?:/([0-9]+(?:\.0+)?))?")
OUT_OF = re.compile(r"(?<=[0-9])\s*(?:/|\bout of\b)\s*(?=[0-9])", re.I)
OPENING, CLOSING = "([{<*_\"'`~", ")]}>*_\"'`~.,;:!?"


def read_score(text: str, scale: Scale = UNIT) -> tuple[float | None, str]:
    """The score in a reply, or None and why there is none."""
    text = _plain(text)
    given, found = _json(text)
    if given:
        found = found.get("score", found.get("Score")) if isinstance(found, dict) else found
        return _one(_of_json(found), scale)
    lines = [line for line in LABELLED.findall(text) if _has_digit(line)]
    return _one(lines or [text], scale)


def read_two_scores(text: str, scale: Scale = TEN) -> tuple[tuple[float, float] | None, str]:
    """The scores of the first and the second answer shown, A and B, or None and why there are none."""
    text = _plain(text)
    given, found = _json(text)
    if given:
        return _both(_sides_of_json(found), scale)
    sides = _labelled(text)
    if not any(sides.values()):
        words = OUT_OF.sub("/", text).split()
        if len(words) == 2 and all(map(_has_digit, words)):
            sides = {"A": words[:1], "B": words[1:]}
    return _both(sides, scale)


def _labelled(text: str) -> dict[str, list[str]]:
    """What stands behind the labels of A and of B. A bare `A:` counts where nothing but a number follows it."""
    text = APART.sub("\n", text)
    sides: dict[str, list[str]] = {"A": [], "B": []}
    for side, rest in LABELLED_SIDE.findall(text):
        sides[side.upper()].append(rest)
    for side, rest in BARE_SIDE.findall(text):
        if len(OUT_OF.sub("/", rest).split()) == 1 and _has_digit(rest):
            sides[side.upper()].append(rest)
    return sides


def _both(sides: dict[str, list[str]], scale: Scale) -> tuple[tuple[float, float] | None, str]:
    (first, why_first), (second, why_second) = (_one(sides[side], scale) for side in ("A", "B"))
    if first is None or second is None:
        return None, f"A: {why_first}" if why_first else f"B: {why_second}"
    return (first, second), ""


def _one(texts: Iterable[str], scale: Scale) -> tuple[float | None, str]:
    """The one number in all of these texts."""
    words = [word for text in texts for word in OUT_OF.sub("/", text).replace(" %", "%").split() if _has_digit(word)]
    if not words:
        return None, "no number"
    found = {_value(word, scale) for word in words}
    if None in found:
        return None, "a number that is no plain score"
    if len(found) > 1:
        return None, "several different numbers"
    value = found.pop()
    assert value is not None
    if not scale[0] <= value <= scale[1]:
        return None, f"outside {scale[0]:g} to {scale[1]:g}"
    return value, ""


def _value(word: str, scale: Scale) -> float | None:
    """The number that a word is, None where it is anything else or has another denominator than the scale's top."""
    found = NUMBER.fullmatch(word.lstrip(OPENING).rstrip(CLOSING))
    if not found or (found[2] and float(found[2]) != scale[1]):
        return None
    return float(found[1].replace("−", "-"))


def _has_digit(text: str) -> bool:
    """Digits of any script, and fractions such as ½: they are numbers to a reader."""
    return any(unicodedata.category(sign).startswith("N") for sign in text)


def _plain(text: str) -> str:
    """Without a reasoning model's thoughts and a code fence around it all."""
    text = THOUGHTS.sub("", text).strip()
    fenced = FENCE.match(text)
    return fenced[1].strip() if fenced else text


def _json(text: str) -> tuple[bool, Any]:
    """Whether the whole text is JSON, and what it holds: nothing where a name stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
        return dict(pairs) if len({name.lower() for name, _ in pairs}) == len(pairs) else None

    try:
        return True, json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return False, None


def _of_json(found: Any) -> list[str]:
    """A number of a JSON reply as text, to be read like any other."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return []
    if isinstance(found, float) and math.isfinite(found):
        return [format(Decimal(str(found)), "f")]  # 1e-05 as 0.00001
    return [str(found)]


def _sides_of_json(found: Any) -> dict[str, list[str]]:
    """`{"a": 7, "b": 8}`, `{"score_a": …}`, `{"Score A": …}`, or a list of two."""
    if isinstance(found, list) and len(found) == 2:
        found = {"a": found[0], "b": found[1]}
    sides: dict[str, list[str]] = {"A": [], "B": []}
    for name, value in found.items() if isinstance(found, dict) else ():
        if name.lower().replace(" ", "_") in ("a", "b", "score_a", "score_b", "answer_a", "answer_b"):
            sides[name[-1].upper()] += _of_json(value)
    return sides

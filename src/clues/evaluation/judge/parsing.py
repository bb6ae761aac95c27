"""Scores out of replies, strictly: what can be read in two ways, or is out of range, is unreadable and never a number.

Accepted are a line `Score: 0.7` with the number right after the label, JSON, or a reply that is nothing but the number;
`7/10` and `7 out of 10` where ten is the top of the scale. A number within prose is none: "There is 1 error" is no
perfect score. Nothing is rescaled or clipped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from clues.evaluation.judge.parsing_json import parse_json, score_of_json, sides_of_json

UNIT = (0.0, 1.0)
"""Of one answer against the reference."""
TEN = (1.0, 10.0)
"""Of two answers side by side."""

Scale = tuple[float, float]

THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.S)
FENCE = re.compile(r"\A```\w*\n(.*)\n```\Z", re.S)
BEGIN = r"^[\W_]*(?:(?:final|overall|my|the)\s+)*(?:score|rating)"
LAST_LINE = r"(?:[*_]*[^\S\n]*\n\s*(?=[*_]*[.\d]\S*\s*\Z))?"
"""The number may stand below its label, where nothing follows it."""
LABELLED = re.compile(rf"{BEGIN}[*_\"'`\s]*(?:[:=]|is\b:?){LAST_LINE}(.*)$", re.I | re.M)
SIDE = r"[\s(\[*_]*(?:(?:of|for|answer|response|assistant)\s+)*([AB])[)\]*_\"'`\s]*"
LABELLED_SIDE = re.compile(rf"{BEGIN}{SIDE}(?:[:=]|is\b)(.*)$", re.I | re.M)
BARE_SIDE = re.compile(r"^[\W_]*(?:(?:answer|response|assistant)\s+)?([AB])[)\]*_\"'`\s]*[:=](.*)$", re.I | re.M)
APART = re.compile(r"[,;.]\s+(?:and\s+)?(?=(?:score|rating)\b)", re.I)
"""Where `Score A: 7, Score B: 8` is two lines in one."""
NUMBER = re.compile(r"([+\-−]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))(?:/([0-9]+(?:\.0+)?))?")
OUT_OF = re.compile(r"(?<=[0-9])\s*(?:/|\bout of\b)\s*(?=[0-9])", re.I)
OPENING, CLOSING = "([{*_\"'`", ")]}*_\"'`.,;:!"
REMARK = re.compile(r"[(\[–—-]|(?:because|since)\b", re.I)
"""What may follow a labelled number without a stop between: a reason. `Score: 1 would be too much` is none."""


def read_score(text: str) -> tuple[float | None, str]:
    """The score in a reply, from 0 to 1, or None and why there is none."""
    text = _plain(text)
    given, found = parse_json(text)
    if given:
        return _one(score_of_json(found), UNIT, alone=True)
    lines = [line for line in LABELLED.findall(text) if _has_digit(line)]
    return _one(lines, UNIT) if lines else _one([text], UNIT, alone=True)


def read_two_scores(text: str) -> tuple[tuple[float, float] | None, str]:
    """The scores of the first and the second answer shown, A and B, 1 to 10, or None and why there are none."""
    text = _plain(text)
    given, found = parse_json(text)
    if given:
        return _both(sides_of_json(found), alone=True)
    sides = _labelled(text)
    if not any(sides.values()):
        words = OUT_OF.sub("/", text).split()
        if len(words) == 2 and all(map(_has_digit, words)):
            sides = {"A": words[:1], "B": words[1:]}
    return _both(sides)


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


def _both(sides: dict[str, list[str]], alone: bool = False) -> tuple[tuple[float, float] | None, str]:
    (first, why_first), (second, why_second) = (_one(sides[side], TEN, alone) for side in ("A", "B"))
    if first is None or second is None:
        return None, f"A: {why_first}" if why_first else f"B: {why_second}"
    return (first, second), ""


def _one(texts: Iterable[str], scale: Scale, alone: bool = False) -> tuple[float | None, str]:
    """The one number that all of these texts begin with; `alone`: that they are, without a word more."""
    texts = [text for text in texts if _has_digit(text)]
    if not texts:
        return None, "no number"
    found = {_value(text, scale, alone) for text in texts}
    if None in found:
        return None, "a number that is no plain score"
    if len(found) > 1:
        return None, "several different numbers"
    value = found.pop()
    assert value is not None
    if not scale[0] <= value <= scale[1]:
        return None, f"outside {scale[0]:g} to {scale[1]:g}"
    return value, ""


def _value(text: str, scale: Scale, alone: bool) -> float | None:
    """The number, None where it is not plain, has another denominator than the scale's top, or more is said with it."""
    words = OUT_OF.sub("/", text).replace(" %", "%").strip("*_` \t\r\n").split()
    if not words:
        return None
    first, rest = words[0].rstrip("*_\"'`"), words[1:]
    found = NUMBER.fullmatch(first.lstrip(OPENING).rstrip(CLOSING))
    if not found or (found[2] and float(found[2]) != scale[1]) or any(map(_has_digit, rest)):
        return None
    if rest and (alone or not (first[-1] in ",;.:!" or REMARK.match(rest[0]))):
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

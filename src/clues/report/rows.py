"""The rows that the owner's page carries: which ones, and all that it says about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clues.data.rows import Row
from clues.folders.explanations import EXPLAINED, Explanation
from clues.folders.scores import Scores
from clues.report import shading
from clues.report.groups import group_name
from clues.report.nearest import nearest_kept
from clues.report.page import payload
from clues.scoring.contributions import Words, words_of
from clues.selection.groups import Group, groups_of

MOST = 2000
"""Rows on a page; of a larger file the worst, those nearest to the bar and the best."""
SHARES = {"worst": 0.4, "nearest": 0.4, "best": 0.2}
TEXT_BUDGET = 3_600_000
"""Bytes that all rows together may take of the page's 5 MB."""
LONGEST = (8000, 4000, 2000, 1000, 500, 250)
"""Characters shown of a question or answer: the first of these with which all rows fit."""
EXCERPT = 400
"""Characters of a neighbour's answer."""


def choose(statistic: np.ndarray, level: float | None) -> np.ndarray:
    """Positions of the rows to show, worst first: all of a small file, else the worst, the nearest and the best."""
    order = np.argsort(statistic, kind="stable")
    if len(order) <= MOST:
        return order
    quota = {name: round(share * MOST) for name, share in SHARES.items()}
    nearest = np.argsort(np.abs(statistic - (level or 0.0)), kind="stable")
    chosen = dict.fromkeys([*order[: quota["worst"]].tolist(), *order[-quota["best"] :].tolist()])
    for i in nearest.tolist():
        if len(chosen) == MOST:
            break
        chosen.setdefault(i)
    return np.array(sorted(chosen, key=np.argsort(order, kind="stable").__getitem__))


@dataclass(frozen=True)
class Shown:
    """Rows as the page carries them, worst first."""

    rows: list[dict[str, Any]]
    longest: int
    """Characters of a text that are shown."""
    groups: list[str] = field(default_factory=list)
    """Names of the groups that rows can be filtered by; a row's `groups` are positions among them."""
    explained: bool = False


def show_rows(
    scores: Scores,
    level: float | None,
    texts: Mapping[str, Row] | None,
    explanations: Mapping[str, Explanation],
    columns: Mapping[str, str] | None = None,
) -> Shown:
    """Describe the chosen rows, with as much of their texts as fits.

    Args:
        texts: row id -> row; None for a page without texts.
        explanations: row id -> token contributions.
        columns: the owner's names for prompt and response, if given.
    """
    chosen = choose(scores["statistic"], level)
    rows = _numbers(scores, chosen)
    if texts is None:
        return Shown(rows, 0)
    found = [texts[row["id"]] for row in rows]
    groups = groups_of(list(texts.values()), (columns or {}).values())
    member = _members(groups, list(texts))
    neighbours = _neighbours(scores, texts, found, chosen)
    longest = LONGEST[0]
    for longest in LONGEST:
        for row, text, near in zip(rows, found, neighbours, strict=True):
            row |= _text(text, longest, explanations.get(row["id"]), near)
            row["groups"] = member[row["id"]]
        if len(payload(rows).encode()) <= TEXT_BUDGET:
            break
    return Shown(rows, longest, [group_name(group.field, group.value) for group in groups], bool(explanations))


def _numbers(scores: Scores, chosen: np.ndarray) -> list[dict[str, Any]]:
    """Everything but the text: state, reason, evidence, and where each channel stands among all rows."""
    ranks = {name: _rank(scores[name]) for name in scores.channels}
    return [
        {
            "id": str(scores["id"][i]),
            "line": int(scores["line"][i]),
            "state": "kept" if scores.keep[i] else "dropped",
            "reason": str(scores["reason"][i] or ""),
            "decision": str(scores["decision"][i] or ""),
            "truncated": bool(scores["truncated"][i]),
            "statistic": rounded(scores.number("statistic", i)),
            "p": rounded(scores.number("p", i)),
            "evidence": [rounded(float(scores.evidence(name)[i])) for name in scores.criteria],
            "pc": [rounded(scores.number(f"p_{name}", i)) for name in scores.criteria],
            "channels": [[rounded(scores.number(name, i)), int(ranks[name][i])] for name in scores.channels],
        }
        for i in chosen.tolist()
    ]


def rounded(value: float) -> float | None:
    """Four significant digits; None for a value that does not exist."""
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _rank(values: np.ndarray) -> np.ndarray:
    """1 for the lowest; rows without a value come last."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") + 1


def _text(row: Row, longest: int, explanation: Explanation | None, near: dict[str, Any] | None) -> dict[str, Any]:
    answer, words = row.response, None
    if explanation is not None:
        words = words_of(answer, explanation.start, explanation.terms)
    return {
        "prompt": row.prompt[:longest],
        "prompt_left": max(0, len(row.prompt) - longest),
        "turns": len(row.messages),
        "answer": shading.segments(answer[:longest], words),
        "answer_left": max(0, len(answer) - longest),
        "tells": {} if words is None else {name: _told(answer, words, name) for name in EXPLAINED},
        "near": near,
    }


def _told(answer: str, words: Words, name: str) -> dict[str, Any]:
    found = [(word[:60], rounded(value)) for word, value in shading.listed(answer, words, name)]
    return {"words": found, "sum": rounded(float(words.value[name].sum()))}


def _neighbours(
    scores: Scores, texts: Mapping[str, Row], found: Sequence[Row], chosen: np.ndarray
) -> list[dict[str, Any] | None]:
    """The nearest kept row of each, as an excerpt."""
    kept = np.flatnonzero(scores.keep)
    place = {int(i): k for k, i in enumerate(kept)}
    prompts = [texts[str(scores["id"][i])].prompt for i in kept]
    nearest = nearest_kept([row.prompt for row in found], prompts, [place.get(int(i)) for i in chosen])
    return [
        None
        if near is None
        else {
            "line": int(scores["line"][kept[near.index]]),
            "id": str(scores["id"][kept[near.index]]),
            "likeness": round(near.likeness, 2),
            "prompt": prompts[near.index][:EXCERPT],
            "answer": texts[str(scores["id"][kept[near.index]])].response[:EXCERPT],
        }
        for near in nearest
    ]


def _members(groups: Sequence[Group], ids: Sequence[str]) -> dict[str, list[int]]:
    """Row id -> positions of its groups."""
    found: dict[str, list[int]] = {identity: [] for identity in ids}
    for number, group in enumerate(groups):
        for i in map(int, group.rows):
            found[ids[i]].append(number)
    return found

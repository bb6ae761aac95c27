"""Wrong labels of the kinds that labelled files have.

`share` is of all client rows, wherever they are; at one client there are never more than it has rows. Whether a row is
wrong is written where `clues corrupt` writes it, in the record's hidden label, and nowhere else: `true_label` stays,
response and label change. A row that noise happened upon but that still says what is right stays clean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from clues.data.damage.labelled import spoiled_row
from clues.data.rows import Row
from clues.errors import SettingError
from clues_research.labels.worlds import Labelled

Where = Literal["spread", "one"]
"""Over all clients, or at the first alone."""
CONFUSED = 0.5
"""Of the rows of a class that are taken for another; more only where the share asks for more."""

Draw = np.random.Generator
Given = dict[int, int]
"""Place of a row -> place of the option it is given."""
Difficulty = np.ndarray
"""[R, K] log-likelihood of every option under the base."""


def noisy(rows: Labelled, kind: str, share: float, where: Where, seed: int, base: Difficulty | None = None) -> Labelled:
    """The rows with noise of a kind.

    Args:
        base: for `hardest`, what the base says of every row's options.

    Raises SettingError for a kind there is not, and where rows without classes are to be confused.
    """
    if kind == NONE or not share:
        return rows
    if kind not in KINDS:
        raise SettingError(f"no noise {kind!r}; there are {', '.join((NONE, *KINDS))}")
    draw = np.random.default_rng([seed, list(KINDS).index(kind)])
    at = np.flatnonzero(rows.clients == rows.clients[0]) if where == "one" else np.arange(len(rows.rows))
    n = min(round(share * len(rows.rows)), len(at))
    if kind == "twice":
        return _twice(rows, at, min(n, len(at) // 2), draw)
    if kind == "hardest":
        assert base is not None, "the base's likelihoods say which rows are hard"
        return _relabelled(rows, kind, _hardest(rows, at, n, base))
    return _relabelled(rows, kind, KINDS[kind](rows, at, n, draw))


def _uniform(rows: Labelled, at: np.ndarray, n: int, draw: Draw) -> Given:
    """Any other option."""
    return {int(i): _other(rows, int(i), draw) for i in draw.choice(at, n, replace=False)}


def _other(rows: Labelled, i: int, draw: Draw) -> int:
    others = [k for k in range(len(rows.options[i])) if k != rows.true[i]]
    return int(draw.choice(others))


def _confusion(rows: Labelled, at: np.ndarray, n: int, draw: Draw) -> Given:
    """One class is taken for another: half of the rows of a class, then of the next, say one and the same label."""
    if len(set(rows.options)) > 1:
        raise SettingError("confusion needs classes, and these rows have options of their own")
    classes = draw.permutation(np.unique(rows.true[at]))
    target, sources = int(classes[0]), classes[1:]
    confused = max(CONFUSED, n / max(1, int((rows.true[at] != target).sum())))
    chosen: list[int] = []
    for source in sources:
        own = draw.permutation(at[rows.true[at] == source])
        chosen += own[: int(np.ceil(min(1.0, confused) * len(own)))].tolist()
    return dict.fromkeys(chosen[:n], target)


def _hardest(rows: Labelled, at: np.ndarray, n: int, base: Difficulty) -> Given:
    """The rows whose right option is least likely under the base say what it likes best instead."""
    others = base.copy()
    others[np.arange(len(base)), rows.true] = -np.inf
    others = np.nan_to_num(others, nan=-np.inf, neginf=-np.inf)
    ease = base[np.arange(len(base)), rows.true] - np.logaddexp.reduce(np.nan_to_num(base, nan=-np.inf), axis=1)
    return {int(i): int(others[i].argmax()) for i in at[np.argsort(ease[at], kind="stable")][:n]}


def _annotator(rows: Labelled, at: np.ndarray, n: int, draw: Draw) -> Given:
    """Somebody who always says the same: of one client's rows, whichever place is asked for."""
    del at
    client = draw.choice(np.unique(rows.clients))
    own = draw.permutation(np.flatnonzero(rows.clients == client))
    return dict.fromkeys(own[:n].tolist(), int(draw.choice(np.unique(rows.true))))


def _shift(rows: Labelled, at: np.ndarray, n: int, draw: Draw) -> Given:
    """A block in which every row has the label of the next."""
    if len(set(rows.options)) > 1:
        raise SettingError("shift needs classes, and these rows have options of their own")
    start = int(draw.integers(len(at) - n + 1))
    block = at[start : start + n]
    return {int(i): int(rows.true[j]) for i, j in zip(block, np.roll(block, -1), strict=True)}


def _twice(rows: Labelled, at: np.ndarray, n: int, draw: Draw) -> Labelled:
    """n rows give way to a second copy of others, each with another label; the first copy stays as it was."""
    order = draw.permutation(at)
    result, options, true = list(rows.rows), list(rows.options), rows.true.copy()
    for source, place in zip(order[:n].tolist(), order[n : 2 * n].tolist(), strict=True):
        kept = {key: rows.rows[place].record[key] for key in ("client",)}
        copied = rows.rows[source]
        again = replace(copied, line=rows.rows[place].line, record={**copied.record, **kept})
        options[place], true[place] = rows.options[source], rows.true[source]
        result[place] = _said(again, options[place][_other(rows, source, draw)], "twice")
    return Labelled(result, options, true)


def _relabelled(rows: Labelled, kind: str, given: Given) -> Labelled:
    result = list(rows.rows)
    for i, option in given.items():
        if option != rows.true[i]:
            result[i] = _said(result[i], rows.options[i][option], kind)
    return replace(rows, rows=result)


def _said(row: Row, text: str, kind: str) -> Row:
    """The row with another label; its true one stays in the record."""
    said = spoiled_row(row, [text], kind)
    untouched = {name: row.record[name] for name in ("true_label", "source", "doc", "client", "prompt")}
    return replace(said, record={**said.record, **untouched})


NONE = "none"
KINDS: Mapping[str, Callable[..., Given]] = {
    "uniform": _uniform,
    "confusion": _confusion,
    "hardest": _hardest,
    "annotator": _annotator,
    "shift": _shift,
    "twice": _twice,  # type: ignore[dict-item]  # gives rows, and is called by its own name
}

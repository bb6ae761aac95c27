"""Rows that repeat one another or a public row: a leak into the public sets breaks the calibration.

Near-duplicates are found exactly: an index of word triples counts how many a text shares with each indexed one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from clues.data.rows import Row
from clues.data.words import NEAR_DUPLICATE, runs_of, shingles, words

LONG_ANSWER = 10
"""Words from which on an answer is its own: a shorter one (a label, a name) under another question is no leak."""

MatchKind = Literal["exact", "near", "prompt"]
KINDS: tuple[MatchKind, ...] = ("exact", "near", "prompt")


@dataclass(frozen=True)
class Match:
    """A row and the first row of a public set that it repeats."""

    row: str
    """Id of the row."""
    public: str
    """Name of the public set."""
    line: int
    """Line in the public set's file."""
    kind: MatchKind
    """`exact`: the same response, `near`: nearly the same, of `LONG_ANSWER` words or to the same question. `prompt`:
    the same question with another response."""


@dataclass(frozen=True)
class Overlap:
    """What rows share with public sets. Matches stay with the rows' owner; only the counts travel."""

    sets: tuple[str, ...]
    matches: tuple[Match, ...]
    """At most one per row and set: the strongest kind."""

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Rows per public set and kind."""
        found = Counter((match.public, match.kind) for match in self.matches)
        return {name: {kind: found[name, kind] for kind in KINDS} for name in self.sets}

    @property
    def rows(self) -> int:
        """Rows that share something with at least one set."""
        return len({match.row for match in self.matches})


def duplicates(rows: Sequence[Row]) -> list[list[int]]:
    """Positions of rows with the same messages, one list per group of two or more, in order of appearance."""
    groups: dict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        groups[row.content_hash].append(position)
    return [group for group in groups.values() if len(group) > 1]


def distinct(rows: Sequence[Row]) -> list[Row]:
    """The rows without those whose response is the same or nearly the same as that of an earlier row."""
    index = NearIndex()
    kept = []
    for row in rows:
        runs = shingles(row.response)
        if not index.near(runs):
            index.add(runs)
            kept.append(row)
    return kept


def overlap(rows: Sequence[Row], public: Mapping[str, Sequence[Row]]) -> Overlap:
    """Compare rows with every public set: responses exactly and nearly, prompts exactly (case and spacing aside)."""
    sets = PublicSets(public)
    return Overlap(tuple(public), tuple(match for row in rows for match in sets.matches(row)))


def between(public: Mapping[str, Sequence[Row]]) -> dict[tuple[str, str], dict[str, int]]:
    """What every two public sets share: rows of the second that also stand in the first, per kind."""
    pairs = combinations(public, 2)
    return {(a, b): overlap(public[b], {a: public[a]}).counts[a] for a, b in pairs}


class PublicSets:
    """Public rows, indexed: any number of rows can then be compared with them, one at a time."""

    def __init__(self, public: Mapping[str, Sequence[Row]]) -> None:
        self._sets = {name: _PublicSet(name, rows) for name, rows in public.items()}

    def matches(self, row: Row) -> list[Match]:
        """At most one per set: the strongest kind."""
        if not self._sets:
            return []
        text = _Text(row.prompt, row.response)
        found = (public.match(row, text) for public in self._sets.values())
        return [match for match in found if match is not None]


class NearIndex:
    """Finds which of the texts added so far are nearly the same as a given one."""

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = defaultdict(list)
        self._sizes: list[int] = []

    def add(self, runs: frozenset[str]) -> None:
        """The next text, by its `shingles`."""
        for run in runs:
            self._places[run].append(len(self._sizes))
        self._sizes.append(len(runs))

    def near(self, runs: frozenset[str]) -> list[int]:
        """Numbers of the texts with a Jaccard similarity of at least NEAR_DUPLICATE, the first one first."""
        shared = Counter(place for run in runs if run in self._places for place in self._places[run])
        whole = len(runs)
        return sorted(p for p, n in shared.items() if n / (whole + self._sizes[p] - n) >= NEAR_DUPLICATE)


@dataclass
class _Text:
    """A row as it is compared."""

    prompt: str
    response: str

    def __post_init__(self) -> None:
        self.question, self.answer = _key(self.prompt), _key(self.response)
        there = words(self.response)
        self.long = len(there) >= LONG_ANSWER
        self.runs = runs_of(there or [self.response.strip()])


class _PublicSet:
    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        self._name, self._lines = name, [row.line for row in rows]
        self._questions: dict[str, list[int]] = defaultdict(list)
        self._answers: dict[str, list[int]] = defaultdict(list)
        self._near = NearIndex()
        for position, row in enumerate(rows):
            text = _Text(row.prompt, row.response)
            if words(row.prompt):
                self._questions[text.question].append(position)
            self._answers[text.answer].append(position)
            self._near.add(text.runs)

    def match(self, row: Row, text: _Text) -> Match | None:
        asked = self._questions.get(text.question, [])
        kinds: list[tuple[MatchKind, list[int]]] = [
            ("exact", self._own(self._answers.get(text.answer, []), asked, text)),
            ("near", self._own(self._near.near(text.runs), asked, text)),
            ("prompt", asked),
        ]
        return next((Match(row.id, self._name, self._lines[at[0]], kind) for kind, at in kinds if at), None)

    @staticmethod
    def _own(places: list[int], asked: list[int], text: _Text) -> list[int]:
        """The places where the likeness of answers says something: the answer is long, or the question the same."""
        return places if text.long else sorted(set(places) & set(asked))


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()

"""Rows that repeat one another or a public row: a leak into the public sets breaks the calibration.

Near-duplicates are found by MinHash and locality-sensitive hashing, then confirmed by the true Jaccard similarity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from datasketch import MinHash, MinHashLSH

from clues.data.rows import Row
from clues.data.words import NEAR_DUPLICATE, jaccard, shingles, words

_PERMUTATIONS = 128
_CANDIDATE = 0.5
"""Threshold of the hashing. Lower than NEAR_DUPLICATE, since hashing misses half of what lies at its threshold."""

MatchKind = Literal["exact", "near", "prompt"]


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
    """`exact`: the same response. `near`: nearly the same. `prompt`: the same question with another response."""


@dataclass(frozen=True)
class Overlap:
    """What rows share with public sets. Matches stay with the rows' owner; only the counts travel."""

    sets: tuple[str, ...]
    matches: tuple[Match, ...]
    """At most one per row and set: the strongest kind."""

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Rows per public set and kind."""
        kinds: tuple[MatchKind, ...] = ("exact", "near", "prompt")
        return {
            name: {kind: sum(m.public == name and m.kind == kind for m in self.matches) for kind in kinds}
            for name in self.sets
        }

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
    for row, signature in zip(rows, _signatures([row.response for row in rows]), strict=True):
        if index.first(signature) is None:
            index.add(signature, len(kept))
            kept.append(row)
    return kept


def overlap(rows: Sequence[Row], public: Mapping[str, Sequence[Row]]) -> Overlap:
    """Compare rows with every public set: responses exactly and nearly, prompts exactly (case and spacing aside)."""
    matches: list[Match] = []
    signatures = list(_signatures([row.response for row in rows]))
    for name, others in public.items():
        matches += _compare(rows, signatures, name, others)
    return Overlap(tuple(public), tuple(matches))


@dataclass(frozen=True)
class Signature:
    """A text's word triples and their MinHash."""

    shingles: frozenset[str]
    minhash: MinHash


class NearIndex:
    """Finds the first of the texts added so far that is nearly the same as a given one."""

    def __init__(self) -> None:
        self._hashing = MinHashLSH(threshold=_CANDIDATE, num_perm=_PERMUTATIONS)
        self._shingles: dict[int, frozenset[str]] = {}

    def add(self, signature: Signature, position: int) -> None:
        self._hashing.insert(str(position), signature.minhash)
        self._shingles[position] = signature.shingles

    def first(self, signature: Signature) -> int | None:
        candidates = sorted(int(str(key)) for key in self._hashing.query(signature.minhash))
        near = (c for c in candidates if jaccard(self._shingles[c], signature.shingles) >= NEAR_DUPLICATE)
        return next(near, None)


def _signatures(texts: Sequence[str]) -> Iterator[Signature]:
    runs = [shingles(text) for text in texts]
    hashed = MinHash.generator(([run.encode() for run in sorted(text)] for text in runs), num_perm=_PERMUTATIONS)
    yield from (Signature(run, minhash) for run, minhash in zip(runs, hashed, strict=True))


def _compare(rows: Sequence[Row], signatures: Sequence[Signature], name: str, others: Sequence[Row]) -> list[Match]:
    index = NearIndex()
    for position, signature in enumerate(_signatures([other.response for other in others])):
        index.add(signature, position)
    responses = _first_positions(other.response for other in others)
    prompts = _first_positions(other.prompt for other in others)
    found = []
    for row, signature in zip(rows, signatures, strict=True):
        where: dict[MatchKind, int | None] = {
            "exact": responses.get(_key(row.response)),
            "near": index.first(signature),
            "prompt": prompts.get(_key(row.prompt)) if words(row.prompt) else None,
        }
        matches = [Match(row.id, name, others[at].line, kind) for kind, at in where.items() if at is not None]
        found += matches[:1]
    return found


def _first_positions(texts: Iterator[str]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for position, text in enumerate(texts):
        positions.setdefault(_key(text), position)
    return positions


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()

"""The public validation rows as the model sees them, good and spoiled."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from clues.data.damage.spoil import spoiled
from clues.data.encoding import Encoded
from clues.data.prepare import Prepared, prepare_rows
from clues.data.rows import Row
from clues.errors import CannotSpoil, SettingError
from clues.models.base import LanguageModel
from clues.scoring.criteria import CRITERIA, GOOD, Criterion, Spoil

FOLDS = 4
"""With two, directions are made of half the rows and say less; more gain nothing that 48 rows could show."""


@dataclass(frozen=True)
class Validation:
    """The public validation rows as tokens, and copies of them spoiled for each criterion."""

    rows: list[Row]
    good: list[Encoded]
    spoiled: dict[str, Prepared]
    """Criterion -> the same rows in the same order, spoiled."""
    fold_of: np.ndarray
    """[rows] which fold each row is in. A row and its copies are scored by directions made without their fold: a row's
    own gradient must not be in the ruler it is measured by."""
    domains: tuple[str, ...] = ()
    """Each row's domain, such as its language; empty where no field names it."""
    criteria: tuple[Criterion, ...] = CRITERIA
    """What the copies were spoiled for."""

    def domain_rows(self) -> dict[str, list[int]]:
        """Domain -> positions of its rows; all rows under "" where there are no domains."""
        return _by_domain(self.domains or [""] * len(self.good))

    @property
    def folds(self) -> int:
        """How many there are."""
        return int(self.fold_of.max()) + 1

    @property
    def questions(self) -> list[str]:
        """The rows' prompts, under which other answers are read too."""
        return [row.prompt for row in self.rows]

    @property
    def all_rows(self) -> Prepared:
        """The good rows, then the copies spoiled for one criterion after the other."""
        parts = [Prepared(self.rows, self.good, []), *self.spoiled.values()]
        return Prepared([r for p in parts for r in p.rows], [e for p in parts for e in p.encoded], [])

    @property
    def all_folds(self) -> np.ndarray:
        """`fold_of` of `all_rows`."""
        return np.tile(self.fold_of, 1 + len(self.spoiled))

    def by_class(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """A channel of `all_rows` taken apart: under `GOOD`, and under each criterion that rows are spoiled for."""
        return dict(zip((GOOD, *self.spoiled), np.split(values, 1 + len(self.spoiled)), strict=True))


def encode_validation(
    rows: Sequence[Row],
    lm: LanguageModel,
    seed: int,
    criteria: Sequence[Criterion] = CRITERIA,
    domain_field: str = "",
) -> Validation:
    """Encode the rows and spoil them once per criterion; the same seed spoils the same way at every checkpoint.

    `domain_field` is the field of a row's record that names its domain. Spoiled copies are made
    within a fold of a domain, so that no answer is exchanged into a fold whose directions know it.

    Raises SettingError for fewer than four rows (of a domain), a row without its domain, or one that leaves no token:
    there must be two folds of two rows. CannotSpoil for a row that cannot be spoiled for some criterion.
    """

    def tokens(some: Sequence[Row]) -> Prepared:
        prepared = prepare_rows(some, lm.tokenizer, lm.settings.max_length)
        if prepared.set_aside:
            raise SettingError(f"a public validation row cannot be used: {prepared.set_aside[0].reason}")
        return prepared

    domains = tuple(_domain(row, domain_field) for row in rows) if domain_field else ()
    places = _by_domain(domains or [""] * len(rows)) or {"": []}
    for domain, some in places.items():
        if len(some) < 4:
            of = f" of the domain {domain}" if domain else ""
            raise SettingError(
                f"{len(some)} public validation rows{of}: at least four are needed, some dozens are better"
            )
    fold_of = _folds(places.values(), len(rows), seed)
    groups = [[i for i in some if fold_of[i] == fold] for some in places.values() for fold in range(FOLDS)]
    bad = {c.name: tokens(_spoiled_within(rows, groups, c, seed)) for c in criteria}
    return Validation(list(rows), tokens(rows).encoded, bad, fold_of, domains, tuple(criteria))


def _folds(domains: Iterable[Sequence[int]], count: int, seed: int) -> np.ndarray:
    """Random folds of each domain, as even as can be: whatever the order of the rows, all hold their sources. Of four
    rows at least where there are so many, so that each has another answer to take; two folds at least."""
    rng, fold_of = np.random.default_rng(seed), np.zeros(count, int)
    for rows in domains:
        fold_of[rng.permutation(rows)] = np.arange(len(rows)) % max(2, min(FOLDS, len(rows) // 4))
    return fold_of


def _domain(row: Row, field: str) -> str:
    value = row.record.get(field)
    if not (isinstance(value, str) and value):
        raise SettingError(f"{row.file}:{row.line}: no {field!r}, the field that scoring.domain_field names")
    if set(value) & set("/[]@"):
        raise SettingError(f"{row.file}:{row.line}: the domain {value!r} must not hold / [ ] or @")
    return value


def _by_domain(domains: Sequence[str]) -> dict[str, list[int]]:
    """Domain -> positions of its rows."""
    found: dict[str, list[int]] = {}
    for i, domain in enumerate(domains):
        found.setdefault(domain, []).append(i)
    return found


def _spoiled_within(rows: Sequence[Row], groups: Iterable[list[int]], criterion: Criterion, seed: int) -> list[Row]:
    """Spoiled copies in the rows' order; what takes words or answers from other rows takes them from the own group."""
    result = list(rows)
    for places in groups:
        for i, row in zip(places, _spoiled([rows[i] for i in places], criterion, seed), strict=True):
            result[i] = row
    return result


def _spoiled(rows: Sequence[Row], criterion: Criterion, seed: int) -> list[Row]:
    if isinstance(criterion.spoiling, str):
        return spoiled(rows, criterion.spoiling, seed)
    return [_by_function(row, criterion.name, criterion.spoiling, seed) for row in rows]


def _by_function(row: Row, name: str, spoil: Spoil, seed: int) -> Row:
    """A copy with every response spoiled that can be; at least one must be another text than before."""
    rng = random.Random(f"spoiled {name} {seed} {row.id}")
    made = [spoil(text, rng) for text in row.responses]
    texts = [old if new is None else new for old, new in zip(row.responses, made, strict=True)]
    if texts == list(row.responses):
        raise CannotSpoil(f"{row.file}:{row.line}: this answer cannot be spoiled for the criterion {name}; take it out")
    return row.with_responses(texts)

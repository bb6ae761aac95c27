"""A labelled data set split among clients, public rows and test rows, without a document on two sides."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clues.data.damage.labelled import clean_row
from clues.data.overlap import distinct
from clues.data.rows import Message, Row
from clues_research.labels.questions import Question, questions

SKEWED = "-skewed"
"""After a data set's name: 95 % of all rows are of its largest class."""
MAJORITY = 0.95
CLIENTS = 4
FOR_TEST = 0.4
"""Of the documents of every class, at least: a rare class must not be used up before the test rows are drawn."""
MOST = 6000
"""Questions that are compared with each other for being the same."""


@dataclass(frozen=True)
class Sizes:
    """Rows of each role; fewer of all but the test where the data have fewer."""

    client: int = 240
    """Over all clients."""
    validation: int = 96
    anchor: int = 160
    test: int = 1000

    @property
    def known(self) -> dict[str, int]:
        """All but the test rows."""
        return {"client": self.client, "validation": self.validation, "anchor": self.anchor}


@dataclass(frozen=True)
class Labelled:
    """Rows with their options."""

    rows: list[Row]
    """The response is the given label's text. The record has prompt, response, label, true_label, client, doc, source,
    and what `clues.data.damage.labelled` leaves there."""
    options: list[tuple[str, ...]]
    true: np.ndarray
    """[R] place of the right option"""

    @property
    def given(self) -> np.ndarray:
        """[R] place of the option that the row says."""
        return np.array([o.index(row.response) for row, o in zip(self.rows, self.options, strict=True)], int)

    @property
    def wrong(self) -> np.ndarray:
        """[R] bool; for measuring alone."""
        return self.given != self.true

    @property
    def clients(self) -> np.ndarray:
        """[R] names"""
        return np.array([str(row.record["client"]) for row in self.rows])

    def some(self, places: Sequence[int] | np.ndarray) -> Labelled:
        """The rows at some places."""
        at = [int(i) for i in places]
        return Labelled([self.rows[i] for i in at], [self.options[i] for i in at], self.true[at])


@dataclass(frozen=True)
class World:
    """What one table is about."""

    data: str
    classes: tuple[str, ...] | None
    """The label set; None where every row has options of its own."""
    client: Labelled
    validation: Labelled
    anchor: Labelled
    test: Labelled

    def with_clients(self, rows: Labelled) -> World:
        """The same with other client rows, such as noisy ones."""
        return replace(self, client=rows)


def draw(data: str, folder: Path, seed: int, sizes: Sizes | None = None) -> World:
    """The world of a data set; the same seed draws the same. Raises SettingError as `questions` does."""
    return split(data, questions(data.removesuffix(SKEWED), folder), seed, sizes or Sizes())


def split(data: str, asked: Sequence[Question], seed: int, sizes: Sizes) -> World:
    """See `draw`; `asked` are all questions there are."""
    generator = np.random.default_rng([seed, zlib.crc32(data.encode())])
    if len(asked) > MOST:
        asked = [asked[i] for i in generator.permutation(len(asked))[:MOST]]
    asked = _distinct(asked)
    roles = _dealt(asked, sizes, generator)
    chosen = {role: _drawn(asked, places, n, data, generator) for role, (places, n) in roles.items()}
    names = np.array([f"client-{1 + i % CLIENTS}" for i in range(len(chosen["client"]))])
    clients = {"client": names.tolist()}
    same = len({q.options for q in asked}) == 1
    return World(data, asked[0].options if same else None,
                 **{role: _labelled(data, [asked[i] for i in places], clients.get(role, [role] * len(places)))
                    for role, places in chosen.items()})  # fmt: skip


def _distinct(asked: Sequence[Question]) -> list[Question]:
    rows = [Row((Message("assistant", q.prompt),), "", i, {}) for i, q in enumerate(asked)]
    return [asked[row.line] for row in distinct(rows)]


def _dealt(asked: Sequence[Question], sizes: Sizes, generator: np.random.Generator) -> dict[str, tuple[list[int], int]]:
    """Role -> places of the questions it may draw from, and how many. Documents are dealt class by class (a document
    is of its first question's class), to the test at least `FOR_TEST` of each."""
    docs: dict[str, list[int]] = defaultdict(list)
    for i in generator.permutation(len(asked)):
        docs[asked[i].doc].append(int(i))
    by_class: dict[int, list[str]] = defaultdict(list)
    for doc, places in docs.items():
        by_class[asked[places[0]].right].append(doc)
    known, all_known = sizes.known, sum(sizes.known.values())
    share = min(1 - FOR_TEST, max(all_known / (all_known + sizes.test), 1.01 * all_known / len(asked)))
    bounds = np.cumsum([share * n / all_known for n in known.values()])
    mine: dict[str, list[int]] = {role: [] for role in (*known, "test")}
    for own in by_class.values():
        parts = np.split(np.array(own, object), np.round(bounds * len(own)).astype(int))
        for role, part in zip(mine, parts, strict=True):
            mine[role] += [i for doc in part for i in docs[doc]]
    fit = min([1.0, *(len(mine[role]) / n for role, n in known.items())])
    return {role: (mine[role], int(fit * n)) for role, n in known.items()} | {"test": (mine["test"], sizes.test)}


def _drawn(
    asked: Sequence[Question], places: Sequence[int], n: int, data: str, generator: np.random.Generator
) -> list[int]:
    """n of the places, or all: as many of each class as of any other while it lasts, in any order."""
    by_class: dict[int, list[int]] = defaultdict(list)
    for i in places:
        by_class[asked[i].right].append(i)
    if data.endswith(SKEWED):
        large = max(by_class, key=lambda c: len(by_class[c]))
        n = min(n, int(len(by_class[large]) / MAJORITY))
        major = by_class.pop(large)[: round(MAJORITY * n)]
    else:
        major = []
    turns = sorted((turn, c, i) for c, own in by_class.items() for turn, i in enumerate(own))
    chosen = [*major, *(i for _, _, i in turns[: n - len(major)])]
    return [chosen[i] for i in generator.permutation(len(chosen))]


def _labelled(data: str, asked: Sequence[Question], clients: Sequence[str]) -> Labelled:
    rows = [_row(data, line, q, client) for line, (q, client) in enumerate(zip(asked, clients, strict=True), start=1)]
    return Labelled(rows, [q.options for q in asked], np.array([q.right for q in asked], int))


def _row(data: str, line: int, q: Question, client: str) -> Row:
    text = q.options[q.right]
    record = {
        "prompt": q.prompt, "response": text, "label": text, "true_label": text, "client": client, "doc": q.doc,
        "source": q.source,
    }  # fmt: skip
    return clean_row(Row((Message("user", q.prompt), Message("assistant", text)), data, line, record))

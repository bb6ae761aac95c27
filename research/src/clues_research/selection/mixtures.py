"""What a table is about: clients' rows with known damage, public rows, and rows that must not be punished.

Every row has a *role*: `client` (trained on and scored), `heldback` (clean, of the clients' sources, never trained
on), `unseen` (clean, of a source that has neither clients nor anchors), `anchor`, `validation`, `spoiled` (copies of
the public validation rows); and a *kind*, what was done to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice

import numpy as np

from clues.config import SampleSettings
from clues.config.names import Damage
from clues.data.damage.spoil import HARMLESS, KINDS, SUBTLE, corrupt_rows, spoiled
from clues.data.files.reading import read_rows
from clues.data.rows import Row
from clues.data.sample import Sample, draw_sample
from clues.errors import CannotSpoil
from clues.evaluation.labels import LABEL

ALL_KINDS = (*KINDS, *SUBTLE)
SPOILINGS = ("deletion", "exchange", "cut", "near-exchange", "repetition", "subtle")
"""How public validation rows are spoiled, for directions and for the spoiled side of the bar."""
QUALITY = ("clear", "specific", "relevant")
"""Dimensions of SubjECTive-QA that speak of an answer's quality; the other three speak of its tone."""
BLOCKS = 4
"""Parts of the validation rows, so that a spoiled copy is scored by directions its original has no part in."""


@dataclass(frozen=True)
class Mixture:
    """How the rows of a table are drawn."""

    pool: str = "packaged"
    sources: tuple[str, ...] = ("GHR", "GARD", "NINDS", "SeniorHealth")
    unseen_source: str = "NIDDK"
    other_domain: str = ""
    """A pool whose rows become a client that is good but from another domain; empty: none."""
    tokens: tuple[int, int] = (30, 110)
    share: float = 0.5
    kinds: tuple[Damage, ...] = ALL_KINDS
    rows_per_client: int = 60
    validation_rows: int = 48
    anchor_rows: int = 160
    heldback_rows: int = 40
    bad_rows: int = 32
    """Rows of one more client, all of them spoiled."""
    typo_rows: int = 24
    """Rows of one more client, good but for typing errors."""
    unseen_rows: int = 32
    other_rows: int = 32
    dirty_validation: float = 0.0
    """Share of the public validation rows that are spoiled by kinds that are not subtle, and nobody knows."""
    labelled: str = ""
    """A pool that people judged, whose rows become one more client; empty: none."""
    labelled_half: int = 0
    """Which half of its documents: 0 to choose on, 1 to report."""
    labelled_tokens: tuple[int, int] = (20, 300)
    dealt_clients: int = 0
    """The sources' rows are dealt at random to so many clients, `client-1` and on (IID); 0: a source is a client."""
    client_shares: tuple[float, ...] = ()
    """Share of spoiled rows of each dealt client, in place of `share`."""
    test_rows: int = 0
    """Clean rows of the clients' sources that are no part of the table, to evaluate trained models on."""


@dataclass(frozen=True)
class Part:
    """Rows with one role."""

    role: str
    rows: list[Row]
    client: list[str]
    kind: list[str]


@dataclass(frozen=True)
class Mixed:
    """All rows of a table."""

    parts: list[Part]
    validation: list[Row]
    block: list[int]
    """Block of every validation row; blocks hold all sources."""
    test: list[Row]
    """Held-out rows that no table holds."""
    negatives: list[Row]
    """What their documents leave over: wrong answers to choose the right one among."""


def draw(mixture: Mixture, seed: int) -> Mixed:
    """Draw the rows; the same seed gives the same rows. Raises PoolError where the pool has too few."""
    extra = (mixture.heldback_rows, mixture.bad_rows, mixture.typo_rows, mixture.test_rows)
    sample = draw_sample(_settings(mixture, sum(extra)), seed)
    rest = iter(sample.test)
    heldback, bad, typos, test = (list(islice(rest, count)) for count in extra)
    clients = _dealt(mixture, sample, seed) if mixture.dealt_clients else dict(sample.clients)
    if bad:
        clients["all-bad"] = corrupt_rows(bad, 1.0, mixture.kinds, f"{seed} all-bad")
    if typos:
        clients["typos"] = corrupt_rows(typos, 1.0, HARMLESS, f"{seed} typos")
    if mixture.other_domain:
        clients["other-domain"] = _others(mixture, seed)
    parts = [Part("client", rows, [name] * len(rows), _kinds(rows)) for name, rows in clients.items()]
    if mixture.labelled:
        others = [*sample.anchors, *sample.validation, *(row for rows in clients.values() for row in rows)]
        judged = _labelled(mixture, {str(row.record["doc"]) for row in others})
        parts += [Part("client", judged, ["labelled"] * len(judged), [label(row) for row in judged])]
    parts += [_public("heldback", heldback), _public("unseen", sample.unseen), _public("anchor", sample.anchors)]
    validation = corrupt_rows(sample.validation, mixture.dirty_validation, KINDS, f"{seed} validation")
    block = [(i // len(mixture.sources)) % BLOCKS for i in range(len(validation))]
    parts += [replace(_public("validation", validation), kind=_kinds(validation))]
    parts += [_spoiled(validation, block, kind, seed) for kind in SPOILINGS]
    return Mixed(parts, validation, block, test, sample.negatives)


def _dealt(mixture: Mixture, sample: Sample, seed: int) -> dict[str, list[Row]]:
    """The clients' rows dealt anew, each client's spoiled by its own share."""
    rows = [row for rows in sample.clients.values() for row in rows]
    order = np.random.default_rng(seed).permutation(len(rows))
    shares = mixture.client_shares or (mixture.share,) * mixture.dealt_clients
    names = [f"client-{i}" for i in range(1, len(shares) + 1)]
    return {
        name: corrupt_rows([rows[i] for i in own], share, mixture.kinds, f"{seed} {name}")
        for name, share, own in zip(names, shares, np.array_split(order, len(shares)), strict=True)
    }


def _settings(mixture: Mixture, test_rows: int) -> SampleSettings:
    return SampleSettings(
        pool=mixture.pool,
        clients=mixture.sources,
        unseen_source=mixture.unseen_source,
        min_tokens=mixture.tokens[0],
        max_tokens=mixture.tokens[1],
        rows_per_client=mixture.rows_per_client,
        validation_rows=mixture.validation_rows,
        anchor_rows=mixture.anchor_rows,
        test_rows=test_rows,
        unseen_rows=mixture.unseen_rows,
        spoiled_share=0.0 if mixture.dealt_clients else mixture.share,
        kinds=mixture.kinds,
    )


def _public(role: str, rows: Sequence[Row]) -> Part:
    return Part(role, list(rows), [str(row.record.get("source", "")) for row in rows], ["clean"] * len(rows))


def _kinds(rows: Sequence[Row]) -> list[str]:
    return [str(row.record[LABEL]) for row in rows]


def _labelled(mixture: Mixture, elsewhere: set[str]) -> list[Row]:
    """Half of the judged rows, by their document (a question, a call), none of which is elsewhere here."""
    rows, _ = read_rows(mixture.labelled)
    docs = sorted({row.record["doc"] for row in rows}, key=lambda doc: sha256(doc.encode()).digest())
    mine, (low, high) = set(docs[mixture.labelled_half :: 2]) - elsewhere, mixture.labelled_tokens
    return [row for row in rows if row.record["doc"] in mine and low <= row.record["tokens"] <= high]


def label(row: Row) -> str:
    """`label 3`, or the marks on several dimensions: `label 2-0-2`."""
    marks = ("label",) if "label" in row.record else QUALITY
    return "label " + "-".join(str(row.record[mark]) for mark in marks)


def _others(mixture: Mixture, seed: int) -> list[Row]:
    """Clean rows of another pool's first source."""
    rows, _ = read_rows(mixture.other_domain)
    source = min(str(row.record["source"]) for row in rows)
    settings = SampleSettings(
        pool=mixture.other_domain, clients=(source,), min_tokens=0, max_tokens=1 << 20,
        rows_per_client=mixture.other_rows, validation_rows=0, anchor_rows=0, test_rows=0, spoiled_share=0.0,
    )  # fmt: skip
    return draw_sample(settings, seed).clients[source]


def _spoiled(rows: Sequence[Row], block: Sequence[int], kind: str, seed: int) -> Part:
    """Copies of the validation rows; answers are exchanged within a block, for directions leave out whole blocks."""
    result = list(rows)
    for b in range(BLOCKS):
        places = [i for i, own in enumerate(block) if own == b]
        some = [rows[i] for i in places]
        for i, row in zip(places, _subtly(some, seed) if kind == "subtle" else spoiled(some, kind, seed), strict=True):
            result[i] = row
    return Part("spoiled", result, [kind] * len(rows), _kinds(result))


def _subtly(rows: Sequence[Row], seed: int) -> list[Row]:
    """Each row spoiled by one of the subtle kinds that is possible on it; it stays as it is where none is."""
    for count in range(len(rows), 0, -1):
        with suppress(CannotSpoil):
            return corrupt_rows(rows, count / len(rows), SUBTLE, f"{seed} subtle")
    raise CannotSpoil("no validation row can be spoiled subtly")

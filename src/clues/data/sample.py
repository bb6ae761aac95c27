"""Clients, public sets and a foreign set drawn from one pool of clean rows, so that selection can be measured.

No document, answer or near-duplicate is shared by two of the sets. A row's source is the site it comes from, its
document the page on that site.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from clues.config import SampleSettings
from clues.data.damage.spoil import corrupt_rows
from clues.data.pool import read_pool
from clues.data.rows import Row
from clues.disk.writing import replacing
from clues.errors import PoolError

_PUBLIC = ("validation", "anchors", "negatives", "test")
"""In the order they are written: a folder that holds the test set holds all."""
_NEGATIVES = 4
"""Negatives kept for every test row: enough to find similar questions among, and bounded for a large pool."""
_DEALS = 20
"""Deals tried where nearly every row is needed: how documents fall then decides whether they suffice."""


@dataclass(frozen=True)
class Sample:
    """One draw. Clients are spoiled and labelled; the other sets are clean."""

    clients: dict[str, list[Row]]
    validation: list[Row]
    anchors: list[Row]
    test: list[Row]
    negatives: list[Row]
    """What is left of the documents that were dealt to the test set: wrong answers to choose the right one among."""
    unseen: list[Row]
    """Rows of a source that has neither client nor anchors."""


def draw_sample(settings: SampleSettings, seed: int) -> Sample:
    """Draw all sets; the public ones evenly over the clients' sources, which take turns in them.

    Which documents are drawn, and which set they go to, depends on the seed. Raises PoolError.
    """
    pool = read_pool(settings)
    drawn = {source: _draw(source, pool, _needs(settings, source), seed) for source in settings.clients}
    public = {name: _in_turns([sets[name] for sets in drawn.values()]) for name in _PUBLIC}
    clients = {
        source: corrupt_rows(sets["client"], settings.spoiled_share, settings.kinds, f"{seed} {source}")
        for source, sets in drawn.items()
    }
    unseen = settings.unseen_source
    foreign = _draw(unseen, pool, {"unseen": settings.unseen_rows}, seed)["unseen"] if unseen else []
    return Sample(clients=clients, unseen=foreign, **public)


def client_name(source: str) -> str:
    """A source's name as a client's pseudonym and folder."""
    return source.lower()


def write_sample(sample: Sample, folder: Path) -> None:
    """Write public/{validation,anchors,test,negatives,unseen}.jsonl and clients/<source>/data.jsonl, one record a line.

    A client's folder is its source in lower case.
    """
    for name, rows in sample.clients.items():
        _write(rows, folder / "clients" / client_name(name) / "data.jsonl")
    for name in ("unseen", *_PUBLIC):
        if rows := getattr(sample, name):
            _write(rows, folder / "public" / f"{name}.jsonl")


def _needs(settings: SampleSettings, source: str) -> dict[str, int]:
    """Rows that each set takes from a client's source; the first sources give one more where it does not come out."""
    turn, count = settings.clients.index(source), len(settings.clients)
    public = {"validation": settings.validation_rows, "anchors": settings.anchor_rows, "test": settings.test_rows}
    shares = {name: rows // count + (turn < rows % count) for name, rows in public.items()}
    return {"client": settings.rows_per_client, **shares}


def _draw(source: str, pool: Mapping[str, Sequence[Row]], needs: Mapping[str, int], seed: int) -> dict[str, list[Row]]:
    """Deal the source's documents out to the sets, then take from every set's documents in turn."""
    rng = random.Random(f"draw {seed} {source}")
    documents: dict[str, list[Row]] = defaultdict(list)
    for row in pool[source]:
        documents[row.record["doc"]].append(row)
    deals = (_deal(list(documents.values()), needs, rng) for _ in range(_DEALS))
    held: dict[str, int] = {}
    for dealt in deals:
        held = {name: sum(map(len, groups)) for name, groups in dealt.items()}
        if all(held[name] >= need for name, need in needs.items()):
            sets = {name: [_row(row) for row in _in_turns(groups)] for name, groups in dealt.items()}
            return {name: sets[name][:need] for name, need in needs.items()} | {"negatives": _left(sets, needs)}
    short = next(name for name, need in needs.items() if held[name] < need)
    raise PoolError(
        f"source {source!r}: {sum(needs.values())} rows are needed ({_listed(needs)}) and no document in two sets; "
        f"there are {len(pool[source])} in {len(documents)} documents, which leaves {short} with {held[short]}: ask "
        "for fewer rows or widen min_tokens and max_tokens"
    )


def _left(sets: Mapping[str, list[Row]], needs: Mapping[str, int]) -> list[Row]:
    """Rows that the test set leaves over, those of its documents first."""
    need = needs.get("test", 0)
    test, left = sets.get("test", [])[:need], sets.get("test", [])[need:]
    tested = {row.record["doc"] for row in test}
    return sorted(left, key=lambda row: row.record["doc"] not in tested)[: _NEGATIVES * need]


def _deal(documents: Sequence[list[Row]], needs: Mapping[str, int], rng: random.Random) -> dict[str, list[list[Row]]]:
    """Give every document to the set that is furthest from its need, in random order."""
    dealt: dict[str, list[list[Row]]] = {name: [] for name in needs}
    missing = {name: 1.0 for name, need in needs.items() if need}
    for document in rng.sample(documents, len(documents)) if missing else []:
        neediest = max(missing, key=missing.__getitem__)
        dealt[neediest].append(rng.sample(document, len(document)))
        missing[neediest] -= len(document) / needs[neediest]
    return dealt


def _listed(needs: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {need}" for name, need in needs.items())


def _row(row: Row) -> Row:
    """The row without its length, which would betray the answers that damage has shortened."""
    return replace(row, record={field: value for field, value in row.record.items() if field != "tokens"})


def _in_turns(groups: Sequence[Sequence[Row]]) -> list[Row]:
    """The first row of every group, then the second of every group, and so on."""
    return [row for turn in zip_longest(*groups) for row in turn if row is not None]


def _write(rows: Sequence[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row.record, ensure_ascii=False) + "\n" for row in rows)

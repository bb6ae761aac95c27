"""The pool that a sample is drawn from: clean rows of several sources, packaged or in a file."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from importlib.resources import files

from clues.config import SampleSettings
from clues.data.files.reading import read_rows
from clues.data.overlap import distinct
from clues.data.rows import Message, Row
from clues.data.words import pieces
from clues.errors import PoolError

PACKAGED_POOL = "medquad.jsonl.gz"


def read_pool(settings: SampleSettings) -> dict[str, list[Row]]:
    """Rows of every source the job uses: of the right length, none like another. Raises PoolError."""
    sources = [*settings.clients, *filter(None, [settings.unseen_source])]
    if not settings.clients:
        raise PoolError("sample.clients is empty: name a source for each client")
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in _read(settings.pool):
        if settings.min_tokens <= _length(row) <= settings.max_tokens:
            by_source[row.record["source"]].append(row)
    chosen = distinct([row for source in sources for row in by_source.get(source, [])])
    pool = {source: [row for row in chosen if row.record["source"] == source] for source in sources}
    if empty := [source for source in sources if not pool[source]]:
        there = ", ".join(f"{source} {len(rows)}" for source, rows in sorted(by_source.items()))
        raise PoolError(f"{settings.pool}: no rows of source {empty[0]!r} of {_range(settings)}; there are: {there}")
    return pool


def _read(pool: str) -> list[Row]:
    if pool == "packaged":
        return packaged_rows()
    rows, set_aside = read_rows(pool)
    if set_aside:
        first = set_aside[0]
        raise PoolError(f"{first.file}:{first.line}: {first.reason}; a pool holds usable rows only")
    for row in rows:
        if missing := [field for field in ("source", "doc") if not isinstance(row.record.get(field), str)]:
            raise PoolError(f"{row.file}:{row.line}: a row of a pool needs the text field {missing[0]!r}")
    return rows


def _length(row: Row) -> int:
    """In tokens where the pool says it, else in words."""
    return row.record.get("tokens", len(pieces(row.response)))


def _range(settings: SampleSettings) -> str:
    return f"{settings.min_tokens} to {settings.max_tokens} tokens"


def packaged_rows() -> list[Row]:
    """The clean answers shipped with clues; see ATTRIBUTION.md beside them."""
    packed = files("clues.packaged").joinpath(PACKAGED_POOL).read_bytes()
    records = [json.loads(line) for line in gzip.decompress(packed).decode().splitlines()]
    return [
        Row((Message("user", record["question"]), Message("assistant", record["answer"])), PACKAGED_POOL, line, record)
        for line, record in enumerate(records, start=1)
    ]

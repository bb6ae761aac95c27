"""The committed tables are about the rows that clues draws today: every mixture is drawn anew."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from clues.config import SampleSettings
from clues.data import sample
from clues.data.damage import edits
from clues_research import fingerprints
from clues_research.fingerprints import FILE, PACKAGED, changed, draws, jobs, of_job
from clues_research.places import TABLES
from clues_research.selection.mixtures import Mixed
from clues_research.selection.tables import roles

EVERY = list(draws(Path("pools")))
SHIPPED = [drawn.shipped for drawn in EVERY if drawn.mixture.pool == PACKAGED]
KNOWN = json.loads(FILE.read_text())


@pytest.fixture(scope="module", autouse=True)
def _each_pool_is_read_once():
    read, pools = sample.read_pool, {}

    def once(settings: SampleSettings):
        key = (settings.clients, settings.unseen_source, settings.min_tokens, settings.max_tokens)
        if key not in pools:
            pools[key] = read(settings)
        return pools[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "read_pool", once)
        yield


@pytest.fixture(scope="module")
def drawn() -> dict[str, Mixed]:
    return {drawn.name: drawn.mixed() for drawn in SHIPPED}


def test_every_mixture_of_packaged_rows_is_drawn_as_it_was(drawn: dict[str, Mixed]):
    assert changed({name: fingerprints.fingerprints(mixed) for name, mixed in drawn.items()}, KNOWN) == []


def test_the_samples_of_the_demo_and_of_the_figures_are_as_they_were():
    assert changed({f"{job.name}-{job.seed}": of_job(job) for job in jobs()}, KNOWN) == []


def test_committed_tables_say_of_their_rows_what_is_drawn(drawn: dict[str, Mixed]):
    for name, mixed in drawn.items():
        if not (file := TABLES / f"{name}.parquet").exists():
            continue
        rows = pq.read_table(file, columns=["role", "client", "kind"]).to_pylist()
        shipped = [list(row.values()) for row in rows if row["client"] not in ("other-domain", "labelled")]
        labels = [(c, k) for part in mixed.parts for c, k in zip(part.client, part.kind, strict=True)]
        assert shipped == [[role, *label] for role, label in zip(roles(mixed), labels, strict=True)], name


def test_every_committed_table_is_of_a_mixture_whose_rows_are_known():
    known = {drawn.name for drawn in EVERY}
    assert known < set(KNOWN)
    for file in TABLES.glob("*.parquet"):  # of the clients of one draw, each may have a table of its own
        assert any(file.stem == name or file.stem.startswith(f"{name}-") for name in known), file.name


def test_another_word_shows(monkeypatch):
    monkeypatch.setattr(edits, "pieces", lambda text: text.split("e"))
    name = SHIPPED[0].name
    different = changed({name: fingerprints.fingerprints(SHIPPED[0].mixed())}, KNOWN)
    assert f"{name}: spoiled deletion" in different
    assert f"{name}: spoiled exchange" not in different

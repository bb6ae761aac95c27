"""The packaged job: disjoint sets, even shares, labels as asked, other documents for another seed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pytest

from clues.config import SampleSettings
from clues.config.reading import load_job
from clues.data.damage.spoil import corrupt_rows
from clues.data.overlap import distinct
from clues.data.pool import packaged_rows
from clues.data.rows import Row
from clues.data.sample import Sample, draw_sample, write_sample
from clues.data.words import NEAR_DUPLICATE, jaccard, shingles
from clues.errors import PoolError

DEMO = load_job(Path(str(files("clues.packaged").joinpath("demo.toml")))).sample
FIGURES = replace(
    DEMO, max_tokens=130, rows_per_client=60, validation_rows=48, anchor_rows=160, test_rows=256, unseen_rows=40
)
JOBS = [(DEMO, 0), (DEMO, 1), (DEMO, 102), (FIGURES, 0), (FIGURES, 101), (FIGURES, 103)]


@cache
def drawn(settings: SampleSettings, seed: int) -> Sample:
    return draw_sample(settings, seed)


def clean_sets(sample: Sample) -> dict[str, list[Row]]:
    """All sets with the rows as they were before damage."""
    pool = {row.record["qid"]: row for row in packaged_rows()}
    clients = {name: [pool[row.record["qid"]] for row in rows] for name, rows in sample.clients.items()}
    public = {name: getattr(sample, name) for name in ("validation", "anchors", "unseen")}
    return clients | public | {"test": sample.test + sample.negatives}


def document(row: Row) -> str:
    return row.record["doc"]


def question(row: Row) -> str:
    return row.prompt.casefold()


@pytest.mark.parametrize(("settings", "seed"), JOBS)
def test_sets_share_no_document_question_answer_or_near_duplicate(settings: SampleSettings, seed: int) -> None:
    sets = clean_sets(drawn(settings, seed))
    for (one, rows), (other, others) in combinations(sets.items(), 2):
        for shared in (document, question):
            assert not {shared(row) for row in rows} & {shared(row) for row in others}, (one, other)
    everything = [row for rows in sets.values() for row in rows]
    assert len(distinct(everything)) == len(everything)


def test_demo_has_no_near_duplicates_by_comparing_all_pairs() -> None:
    sets = clean_sets(drawn(DEMO, 0))
    runs = [shingles(row.response) for rows in sets.values() for row in rows]
    assert max(jaccard(a, b) for a, b in combinations(runs, 2)) < NEAR_DUPLICATE


@pytest.mark.parametrize(("settings", "seed"), JOBS)
def test_sizes_sources_and_labels(settings: SampleSettings, seed: int) -> None:
    sample = drawn(settings, seed)
    assert list(sample.clients) == list(settings.clients)
    for name, rows in sample.clients.items():
        labels = Counter(row.record["clues_label"] for row in rows)
        bad = [labels[kind] for kind in settings.kinds]
        assert len(rows) == settings.rows_per_client
        assert {row.record["source"] for row in rows} == {name}
        assert sum(bad) == len(rows) - labels["clean"] == len(rows) / 2
        assert max(bad) - min(bad) <= 1
    for rows, count in [(sample.validation, settings.validation_rows), (sample.anchors, settings.anchor_rows)]:
        assert len(rows) == count
        turns = [row.record["source"] for row in rows]
        assert turns == list(settings.clients) * (count // 4)
    assert len(sample.test) == settings.test_rows
    assert Counter(row.record["source"] for row in sample.unseen) == {"NIDDK": settings.unseen_rows}
    assert not any("clues_label" in row.record or "tokens" in row.record for row in [*sample.anchors, *sample.test])
    assert not any("tokens" in row.record for rows in sample.clients.values() for row in rows)


def test_clean_rows_of_clients_are_untouched_and_in_length() -> None:
    pool = {row.record["qid"]: row for row in packaged_rows()}
    for rows in drawn(DEMO, 1).clients.values():
        for row in rows:
            original = pool[row.record["qid"]]
            assert 30 <= original.record["tokens"] <= 70
            assert (row.response == original.response) == (row.record["clues_label"] == "clean")


def test_seed_decides_the_draw() -> None:
    first, other = drawn(DEMO, 0), drawn(DEMO, 102)
    assert first == draw_sample(DEMO, 0)
    mine, theirs = ({document(row) for row in sample.anchors} for sample in (first, other))
    assert len(mine & theirs) < len(mine) / 2


def test_negatives_hold_other_questions_about_what_is_tested() -> None:
    sample = drawn(DEMO, 0)
    assert len(sample.negatives) > len(sample.test)
    assert len({document(row) for row in sample.test} & {document(row) for row in sample.negatives}) >= 4


def test_uneven_numbers_are_dealt_out_in_turn() -> None:
    sample = draw_sample(replace(DEMO, anchor_rows=6, validation_rows=3, test_rows=0, unseen_source=""), 0)
    assert [row.record["source"] for row in sample.anchors] == [*DEMO.clients, *DEMO.clients[:2]]
    assert len(sample.validation) == 3
    assert sample.test == sample.unseen == []


def test_written_files_hold_the_sets(tmp_path: Path) -> None:
    sample = drawn(DEMO, 0)
    write_sample(sample, tmp_path)
    client = [json.loads(line) for line in (tmp_path / "clients/gard/data.jsonl").read_text().splitlines()]
    assert client == [row.record for row in sample.clients["GARD"]]
    for name in ("validation", "anchors", "test", "negatives", "unseen"):
        rows = [json.loads(line) for line in (tmp_path / f"public/{name}.jsonl").read_text().splitlines()]
        assert rows == [row.record for row in getattr(sample, name)]
        assert all({"question", "answer", "source", "doc", "url"} <= set(row) for row in rows)


def test_own_pool(tmp_path: Path) -> None:
    """A file with near-duplicates: one of each is drawn, and words stand for tokens."""
    rows = [row for row in packaged_rows() if row.record["source"] in ("NINDS", "GARD")]
    records = [
        {"question": r.prompt, "answer": r.response, "source": r.record["source"], "doc": r.record["doc"]} for r in rows
    ]
    copies = [
        {**record, "doc": f"copy of {record['doc']}", "answer": record["answer"] + " So it is."} for record in records
    ]
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records + copies))
    settings = SampleSettings(pool=str(path), clients=("NINDS", "GARD"), min_tokens=20, max_tokens=60)
    sample = draw_sample(settings, 0)
    public = [*sample.validation, *sample.anchors, *sample.test]
    assert len(distinct(public)) == len(public)
    assert all(20 <= len(row.response.split()) <= 60 for row in public)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows_per_client": 400}, r"source 'GHR': 430 rows are needed \(client 400, .*widen min_tokens"),
        ({"unseen_rows": 4000}, "source 'NIDDK': 4000 rows are needed"),
        ({"clients": ("GHR", "WHO")}, r"no rows of source 'WHO' of 30 to 70 tokens; there are: .*GARD \d+"),
        ({"clients": ()}, "name a source for each client"),
    ],
)
def test_what_the_pool_cannot_give_is_an_error(change: dict, message: str) -> None:
    with pytest.raises(PoolError, match=message):
        draw_sample(replace(DEMO, **change), 0)


def test_bad_pool_rows_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"question": "q", "answer": "a", "source": "X"}\n')
    with pytest.raises(PoolError, match=r"pool\.jsonl:1: a row of a pool needs the text field 'doc'"):
        draw_sample(SampleSettings(pool=str(path), clients=("X",)), 0)
    path.write_text('{"question": "q"}\n')
    with pytest.raises(PoolError, match=r"pool\.jsonl:1: .*usable rows only"):
        draw_sample(SampleSettings(pool=str(path), clients=("X",)), 0)


def test_pool_ids_are_unique_over_sites() -> None:
    records = [row.record for row in packaged_rows()]
    assert len({record["qid"] for record in records}) == len(records)
    assert all(record["doc"].startswith(record["source"] + "/") for record in records)


def test_pool_is_large_clean_and_small_enough() -> None:
    rows = packaged_rows()
    assert len(rows) >= 1500
    assert len(distinct(rows)) == len(rows)
    assert all(30 <= row.record["tokens"] <= 130 for row in rows)
    assert all(row.response.rstrip('")”')[-1] in ".!?" for row in rows)
    assert not any(row.response.startswith("These resources address") for row in rows)
    assert files("clues.packaged").joinpath("medquad.jsonl.gz").read_bytes().__len__() < 700_000


def test_no_damage_at_share_zero() -> None:
    sample = draw_sample(replace(DEMO, spoiled_share=0.0), 0)
    assert {row.record["clues_label"] for rows in sample.clients.values() for row in rows} == {"clean"}
    rows = sample.clients["GHR"]
    assert [row.response for row in corrupt_rows(rows, 0, ["cut"], 1)] == [row.response for row in rows]

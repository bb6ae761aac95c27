"""Scores on disk: killed anywhere, gone on with, never taken for other rows' or another checkpoint's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clues.scoring import store
from clues.scoring.store import load_channels, score_in_shards
from tests.scoring.test_probe import random_rows


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(store, "SHARD_ROWS", 4)


class Scorer:
    """Scores a row by its number, and is killed when it comes to some row."""

    def __init__(self, killed_at: int | None = None) -> None:
        self.killed_at, self.scored = killed_at, []

    def __call__(self, rows: slice) -> tuple[pa.Table, pa.Table]:
        numbers = np.arange(rows.start, rows.stop)
        if self.killed_at in numbers:
            raise KeyboardInterrupt
        self.scored += numbers.tolist()
        return pa.table({"x": numbers * 1.5}), pa.table({"words": [["a"] * n for n in numbers.tolist()]})


def test_a_killed_run_goes_on_with_its_shard_and_gives_the_same_file(tmp_path):
    rows, names = random_rows(1, 14), ("x", "words")
    score_in_shards(tmp_path / "whole", names, rows, "c", Scorer())
    with pytest.raises(KeyboardInterrupt):
        score_in_shards(tmp_path / "killed", names, rows, "c", Scorer(killed_at=9))
    assert not (tmp_path / "killed" / "x.parquet").exists()
    again = Scorer()
    score_in_shards(tmp_path / "killed", names, rows, "c", again)
    assert again.scored == list(range(8, 14))
    for name in names:
        whole, killed = (tmp_path / run / f"{name}.parquet" for run in ("whole", "killed"))
        assert whole.read_bytes() == killed.read_bytes()
    assert load_channels(tmp_path / "whole" / "x.parquet")["x"].tolist() == [n * 1.5 for n in range(14)]
    assert pq.ParquetFile(tmp_path / "whole" / "x.parquet").num_row_groups == 4  # a shard in memory at a time
    assert sorted(p.name for p in (tmp_path / "killed").iterdir()) == ["words.parquet", "x.parquet"]


def test_nothing_is_scored_twice_and_nothing_is_taken_for_something_else(tmp_path):
    rows, names = random_rows(2, 6), ("x", "words")
    first, same, other_rows, other_checkpoint = (Scorer() for _ in range(4))
    score_in_shards(tmp_path, names, rows, "c", first)
    score_in_shards(tmp_path, names, rows, "c", same)
    score_in_shards(tmp_path, names, rows[:5] + random_rows(3, 1), "c", other_rows)
    score_in_shards(tmp_path, names, rows, "d", other_checkpoint)
    assert [len(s.scored) for s in (first, same, other_rows, other_checkpoint)] == [6, 0, 6, 6]


def test_a_shard_of_another_checkpoint_is_scored_again(tmp_path):
    rows, names = random_rows(2, 10), ("x", "words")
    with pytest.raises(KeyboardInterrupt):
        score_in_shards(tmp_path, names, rows, "c", Scorer(killed_at=5))
    again = Scorer()
    score_in_shards(tmp_path, names, rows, "d", again)
    assert again.scored == list(range(10))


def test_a_changed_version_changes_every_key(monkeypatch):
    rows = random_rows(2, 3)
    before = store.rows_key(rows, "c")
    monkeypatch.setattr(store, "SCORING_VERSION", "next")
    assert store.rows_key(rows, "c") != before

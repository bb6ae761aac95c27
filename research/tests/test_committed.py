"""The committed tables: which there are, what they hold, and that they are those of the manifest."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clues_research.manifest import MANIFEST, sums, write_manifest
from clues_research.places import TABLES
from clues_research.selection import page
from clues_research.selection.columns import slim
from clues_research.selection.figures import STUDY, lines, verdicts, write_csv
from clues_research.selection.plan import plan
from clues_research.selection.read import Table

PLANNED = [one for one in plan(Path()) if (TABLES / f"{one.name}.parquet").exists()]
WHOLE = {f"smollm2-medquad-half-{seed}" for seed in (0, 1, 2, *range(201, 207), *range(301, 307))}


def test_every_table_is_the_one_of_the_manifest_and_none_is_missing():
    assert (TABLES / MANIFEST).read_text() == sums()


def test_a_changed_and_a_new_table_show_in_the_manifest(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"a")
    write_manifest(tmp_path)
    before = (tmp_path / MANIFEST).read_text()
    assert before == sums(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"b")
    changed = sums(tmp_path)
    (tmp_path / "c.parquet").write_bytes(b"c")
    assert len({before, changed, sums(tmp_path)}) == 3


def test_tables_that_later_work_chooses_on_have_all_columns_and_others_those_that_are_read():
    assert {one.name for one in PLANNED if one.whole} == WHOLE | {"gemma3-medquad-half-301"}
    for one in PLANNED:
        schema = pq.read_schema(TABLES / f"{one.name}.parquet")
        names = schema.names
        checkpoints = len(one.warm_up.steps)
        assert f"fluency.trained@{checkpoints}" in names if one.whole else f"fluency.trained@{checkpoints}" not in names
        read = slim(pa.table({name: pa.array([], pa.float32()) for name in names})).column_names
        assert set(read) < set(names) if one.whole else read == names, one.name
        assert f"datainf@{checkpoints}" in read


@pytest.mark.parametrize("name", ["smollm2-medquad-most-301", "smollm2-casimedicos-half-301"])
def test_a_slim_table_still_gives_its_lines_of_the_study(name, tmp_path):
    table = Table.load(TABLES / f"{name}.parquet")
    write_csv(list(lines(table, verdicts(table))), tmp_path / "lines.csv")
    made = (tmp_path / "lines.csv").read_text().splitlines()
    assert len(made) > 1000
    assert set(made) <= set((STUDY / "selection.csv").read_text().splitlines())


def test_the_study_s_page_is_that_of_its_numbers(tmp_path, monkeypatch):
    committed = page.PAGE.read_text()
    monkeypatch.setattr(page, "PAGE", tmp_path / "STUDY.md")
    page.write_page()
    assert page.PAGE.read_text() == committed

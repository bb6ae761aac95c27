from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from clues.errors import ReportError
from clues.report.coordinator import write_coordinator_report
from clues.report.files import read_json, read_lines, read_table
from clues.report.owner import write_owner_report
from tests.helpers.fake_run import Shape, write_run


def test_another_version_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"schema_version": 2}')
    with pytest.raises(ReportError, match=r"a\.json: schema_version 2 is not 1"):
        read_json(tmp_path / "a.json")


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ReportError, match=r"b\.json is missing"):
        read_json(tmp_path / "b.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ReportError, match=r"b\.json is not JSON"):
        read_json(tmp_path / "b.json")
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(ReportError, match="an object is needed"):
        read_json(tmp_path / "b.json")
    (tmp_path / "t.parquet").write_text("no")
    with pytest.raises(ReportError, match="not a Parquet file"):
        read_table(tmp_path / "t.parquet")


def test_lines_name_the_bad_one_and_leave_an_unfinished_one(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert read_lines(path) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\nno\n')
    with pytest.raises(ReportError, match=r"events\.jsonl:2 is not JSON"):
        read_lines(path)


def test_folders_that_are_no_run(tmp_path):
    with pytest.raises(ReportError, match=r"selection\.json is missing"):
        write_coordinator_report(tmp_path)
    with pytest.raises(ReportError, match=r"client\.json is missing"):
        write_owner_report(tmp_path)


def test_scores_without_evidence_are_refused(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",))) / "clients/GARD"
    table = pq.read_table(folder / "scores.parquet")
    older = [name.replace("evidence_", "z_") for name in table.column_names]
    pq.write_table(table.rename_columns(older), folder / "scores.parquet")
    with pytest.raises(ReportError, match=r"scores\.parquet has no evidence"):
        write_owner_report(folder)


def test_texts_of_other_rows_are_refused(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",))) / "clients/GARD"
    dropped = (folder / "dropped.jsonl").read_text()
    (folder / "dropped.jsonl").write_text(dropped.partition("\n")[2])
    with pytest.raises(ReportError, match="name different rows"):
        write_owner_report(folder)
    (folder / "dropped.jsonl").write_text(dropped)
    record = {"question": "another", "answer": "row"}
    (folder / "kept.jsonl").write_text((folder / "kept.jsonl").read_text() + json.dumps(record) + "\n")
    with pytest.raises(ReportError, match="hold different rows"):
        write_owner_report(folder)

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from clues.errors import FolderError, ReportError
from clues.report.coordinator import write_coordinator_report
from clues.report.owner import write_owner_report
from tests.helpers.fake_run import Shape, write_run


def test_folders_that_are_no_run(tmp_path):
    with pytest.raises(FolderError, match=r"selection\.json is missing"):
        write_coordinator_report(tmp_path)
    with pytest.raises(FolderError, match=r"client\.json is missing"):
        write_owner_report(tmp_path)


def test_scores_without_evidence_are_refused(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",))) / "clients/GARD"
    table = pq.read_table(folder / "scores.parquet")
    older = [name.replace("evidence_", "z_") for name in table.column_names]
    changed = table.rename_columns(older).replace_schema_metadata(table.schema.metadata)
    pq.write_table(changed, folder / "scores.parquet")
    with pytest.raises(FolderError, match=r"scores\.parquet has no evidence"):
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

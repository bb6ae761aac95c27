"""Files as people save them: each is read as what it is, named where its name says less, and copied in kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from clues.data.files.reading import open_data_set, read_rows, reading
from clues.data.files.writing import write_rows
from clues.data.rows import Row, SetAside
from clues.errors import ReadingError

CASES = Path(__file__).parents[2] / "cases"
READ: dict[str, tuple[int, list[int], str]] = {
    "a33.jsonl": (2, [], "field 'response' twice in one object, where the last counts"),
    "a37.jsonl": (2, [], ""),
    "a38.jsonl": (5, [], "one JSON value"),
    "a38b.jsonl": (5, [], "one JSON value"),
    "a39b.json": (1, [], "JSON lines"),
    "a39c.json": (1, [], "the list under 'train'"),
    "a40.jsonl": (2, [], "utf-16-le"),
    "a40d.jsonl": (2, [], "line ends CR"),
    "a41.csv": (1, [2], "CSV with ;"),
    "a41c.tsv": (1, [], ""),
    "a41d.csv": (1, [], "CSV with ;"),
    "a41i.csv": (1, [], ""),
    "a41k.csv": (1, [], ""),
    "a42c.csv": (1, [2], ""),
    "c1.csv": (12, [], ""),
    "c3.json": (12, [], "field 'dup' twice in one object, where the last counts"),
    "d4.jsonl.zst": (12, [], ""),
    "h2": (2, [], ""),
    "h4.csv": (2, [], ""),
    "n1.jsonl": (12, [], ""),
    "p12.feather": (3, [], ""),
    "p8.parquet": (3, [], "column 'ts' as text"),
    "s2": (3, [], ""),
    "s4": (3, [], ""),
    "s5": (3, [], ""),
    "shards": (2, [], "2 files, in the order of their names"),
    "t1.csv": (199, [101], ""),
    "t2.csv": (199, [101], ""),
    "t4.csv": (3, [4], ""),
}
"""Case -> rows, lines set aside, what is said of how it is read."""


@pytest.mark.parametrize("name", READ)
def test_what_is_read_of_a_case(name):
    rows, lines, said = READ[name]
    file = reading(CASES / name)
    found = list(file)
    assert sum(isinstance(one, Row) for one in found) == rows
    assert [one.line for one in found if isinstance(one, SetAside)] == lines
    remarks = [remark.text.removeprefix("the file is read as ") for remark in file.remarks(rows)]
    assert remarks == ([said] if said else [])


@pytest.mark.parametrize("name", READ)
def test_a_copy_of_all_rows_of_a_case_is_the_case(name, tmp_path):
    rows, set_aside = read_rows(CASES / name)
    suffix = open_data_set(CASES / name).suffix
    out = tmp_path / f"kept{suffix}"
    write_rows(CASES / name, rows, out)
    again, _ = read_rows(out)
    assert [json.dumps(row.record, default=str) for row in again] == [
        json.dumps(row.record, default=str) for row in rows
    ]
    if not set_aside and (CASES / name).is_file() and suffix not in (".parquet", ".feather", ".jsonl.zst"):
        assert out.read_bytes() == (CASES / name).read_bytes()
    write_rows(CASES / name, rows[:1], tmp_path / f"one{suffix}")
    assert len(read_rows(tmp_path / f"one{suffix}")[0]) == 1
    write_rows(CASES / name, [], tmp_path / f"none{suffix}")
    assert read_rows(tmp_path / f"none{suffix}") == ([], [])


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ReadingError, match="two columns are named 'response'; rename one"):
        read_rows(CASES / "p7.parquet")


def test_pictures_are_not_decoded_and_keep_a_trace():
    picture = read_rows(CASES / "h2")[0][0].record["image"]
    assert isinstance(picture["bytes"], bytes)
    assert len(picture["bytes"]) <= 32


def test_columns_with_a_comma_or_an_equals_sign_can_be_named():
    rows, _ = read_rows(CASES / "d3.csv", {"prompt": "Question, long", "response": "Answer=text"})
    assert [row.prompt for row in rows] == ["What?"]


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.data", "rows.jsonl.bak"])
@pytest.mark.parametrize("case", ["a11.jsonl", "c1.csv", "p12.feather", "p8.parquet", "d4.jsonl.zst", "a38.jsonl"])
def test_a_name_without_an_ending_is_told_by_the_content(case, name, tmp_path):
    shutil.copy(CASES / case, tmp_path / name)
    expected = [row.record for row in read_rows(CASES / case)[0]]
    assert [row.record for row in read_rows(tmp_path / name)[0]] == expected
    data_set = open_data_set(tmp_path / name)
    suffix = {"d4": ".jsonl.zst", "p1": ".arrow", "p8": ".parquet", "c1": ".csv"}.get(case[:2], ".jsonl")
    assert data_set.suffix == suffix
    write_rows(tmp_path / name, read_rows(tmp_path / name)[0][:1], tmp_path / f"kept{suffix}")
    assert len(read_rows(tmp_path / f"kept{suffix}")[0]) == 1


def test_a_folder_of_shards_with_splits_and_what_lies_beside(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("about")
    (tmp_path / ".gitattributes").write_text("x")
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        shutil.copy(CASES / "p5.parquet", tmp_path / "data" / f"{name}.parquet")
    with pytest.raises(ReadingError, match=r"the splits are test, train; name one, as in .*:test"):
        read_rows(tmp_path)
    rows, _ = read_rows(f"{tmp_path}:train")
    assert [row.line for row in rows] == [1, 2, 3, 4, 5, 6]
    assert len({row.id for row in rows}) == 6
    out = tmp_path.with_name("kept")
    write_rows(f"{tmp_path}:train", rows[3:4], out)
    assert [row.record for row in read_rows(out)[0]] == [rows[3].record]
    (tmp_path / "data" / "train-2.jsonl").write_text("{}\n")
    with pytest.raises(ReadingError, match=r"files of several formats \(\.jsonl, \.parquet\); name one"):
        read_rows(f"{tmp_path}:train")


def test_a_line_of_a_shard_is_named_in_its_file(tmp_path):
    shutil.copy(CASES / "t1.csv", tmp_path / "part-0.csv")
    shutil.copy(CASES / "t1.csv", tmp_path / "part-1.csv")
    rows, set_aside = read_rows(tmp_path)
    assert (len(rows), [item.line for item in set_aside]) == (398, [101, 302])
    assert set_aside[1].reason.startswith("part-1.csv:101: not CSV")

"""Kept rows come out as they went in, whole or not at all, and never over the data itself."""

from __future__ import annotations

import codecs
import dataclasses
import gzip
import json
from datetime import date
from typing import Any

import datasets
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.data.files.reading import open_data_set, read_rows
from clues.data.files.values import is_blank
from clues.data.files.writing import write_rows
from clues.errors import ReadingError, WritingError
from tests.helpers.files import FORMATS, put

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: not is_blank(text)
)
records = st.lists(st.fixed_dictionaries({"prompt": text, "response": text, "note": text}), min_size=1, max_size=6)

COLUMNS = {"prompt": "Question", "response": "answer"}


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "rows.xlsx"])
@settings(deadline=None, max_examples=15)
@given(records, st.data())
def test_kept_records_are_those_of_the_source_in_its_order(tmp_path_factory, name, entries, data):
    folder = tmp_path_factory.mktemp("round")
    source = put(entries, folder / name)
    rows, set_aside = read_rows(source)
    assert not set_aside
    kept = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: row.line))
    out = folder / "out" / f"kept{open_data_set(source).suffix}"
    write_rows(source, kept, out)
    in_order = sorted(kept, key=lambda row: row.line)
    again, set_aside = read_rows(out)
    assert not set_aside
    assert [row.record for row in again] == [row.record for row in in_order]
    assert [row.messages for row in again] == [row.messages for row in in_order]
    assert [path.name for path in out.parent.iterdir()] == [out.name]  # nothing unfinished is left behind


def test_lines_are_copied_byte_for_byte(tmp_path):
    first, last = b'{ "prompt":"\\u00e4",  "response": "r", "n": 1.0e2}\r\n', b'{"prompt": "p", "response": "r"}'
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + first + b"\n{broken\n" + last)
    rows, _ = read_rows(source)
    write_rows(source, rows[::-1], out)
    assert out.read_bytes() == b"\xef\xbb\xbf" + first + last


def test_csv_is_copied_byte_for_byte(tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b'"prompt",response,n\r\np,"two\r\nlines, ""quoted""",007\r\nbroken\r\nq,r,1\r\n')
    rows, _ = read_rows(source)
    write_rows(source, rows[:1], out)
    assert out.read_bytes() == b'"prompt",response,n\r\np,"two\r\nlines, ""quoted""",007\r\n'


def test_the_same_rows_give_the_same_gzip_file(tmp_path):
    source = tmp_path / "in.jsonl.gz"
    source.write_bytes(gzip.compress(b'{"prompt": "p", "response": "r"}\n'))
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_rows(source, read_rows(source)[0], tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert (tmp_path / "a.jsonl.gz").read_bytes()[4:8] == bytes(4)  # no time of writing


def test_what_stands_around_the_records_of_json_stays(tmp_path):
    source, out = tmp_path / "in.json", tmp_path / "out.json"
    source.write_text(json.dumps({"licence": "CC0", "data": [{"prompt": "p", "response": str(n)} for n in range(3)]}))
    write_rows(source, read_rows(source)[0][1:2], out)
    assert json.loads(out.read_text()) == {"licence": "CC0", "data": [{"prompt": "p", "response": "1"}]}


def test_a_workbook_keeps_its_sheet_and_its_other_sheets(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [["Question", "answer", None], ["q1", "r1", 1.5], ["q2", None, None], ["q3", "r3", None]]:
        sheet.append(row)
    sheet["C1"] = "when"
    book.create_sheet("notes")["A1"] = "kept, too"
    book.save(tmp_path / "in.xlsx")
    with pytest.raises(ReadingError, match=r"the sheets are Sheet, notes; name one, as in .*in.xlsx:Sheet"):
        read_rows(tmp_path / "in.xlsx")
    rows, set_aside = read_rows(f"{tmp_path}/in.xlsx:Sheet", COLUMNS)
    assert [(row.line, row.record) for row in rows] == [
        (2, {"Question": "q1", "answer": "r1", "when": 1.5}),
        (4, {"Question": "q3", "answer": "r3", "when": None}),
    ]
    assert [item.line for item in set_aside] == [3]
    write_rows(f"{tmp_path}/in.xlsx:Sheet", rows[1:], tmp_path / "out.xlsx")
    again = openpyxl.load_workbook(tmp_path / "out.xlsx")
    values = [cell.value for row in again["Sheet"].iter_rows() for cell in row]
    assert values == ["Question", "answer", "when", "q3", "r3", None]
    assert again["notes"]["A1"].value == "kept, too"


def test_row_groups_and_compression_of_parquet_stay(tmp_path):
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = pa.Table.from_pylist([{"prompt": f"p{n}", "response": "r"} for n in range(10)])
    compression: Any = {"prompt": "zstd", "response": "gzip"}
    with pq.ParquetWriter(source, table.schema, compression=compression) as writer:
        writer.write_table(table, row_group_size=4)
    rows, _ = read_rows(source)
    write_rows(source, rows[1:9], out)
    with pq.ParquetFile(out) as file:
        groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
        assert [group.num_rows for group in groups] == [3, 4, 1]
        assert [groups[0].column(i).compression for i in range(2)] == ["ZSTD", "GZIP"]
    write_rows(source, [], out)
    assert pq.read_table(out).schema == table.schema


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_json_list_is_copied_as_it_is_written(tmp_path, mark):
    source, out = tmp_path / "in.json", tmp_path / "out.json"
    first, last = '{"prompt": "p",\n  "response": "r", "n": 1.10, "big": 1e400}', '{"response":"\\u00e4","prompt":"q"}'
    before, after = '{"licence": 1.10, "data": [\n\t', ' ]\n, "end": 0.30}\n'
    source.write_bytes(mark + f'{before}{first} ,\n\t{{"prompt": "x", "response": "y"}},{last}{after}'.encode())
    rows, _ = read_rows(source)
    write_rows(source, rows, out)
    assert out.read_bytes() == source.read_bytes()
    write_rows(source, [rows[0], rows[2]], out)
    assert out.read_bytes() == mark + f"{before}{first},{last}{after}".encode()
    write_rows(source, [], out)
    assert read_rows(out) == ([], [])


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("bom.csv", codecs.BOM_UTF8 + "question,answer\r\nä?,b\r\nc?,d\r\n".encode(), [0, 2]),
        ("sep.csv", b"sep=;\nquestion;answer\na?;b\nc?;d\n", [0, 1, 3]),
        (
            "utf16.jsonl",
            '{"prompt": "ä", "response": "r"}\n{"prompt": "b", "response": "s\u2028t"}\n'.encode("utf-16"),
            [1],
        ),
        ("mac.jsonl", b'{"prompt": "a", "response": "r"}\r{"prompt": "b", "response": "s"}\r', [1]),
        (
            "pretty.jsonl",
            b'{\n "prompt": "a",\n "response": "r"\n}\n\n{\n "prompt": "b", "response": "s"\n}\n',
            [5, 6, 7],
        ),
        ("blank.txt", b"prompt\tresponse\na\tb\nc\td\n", [0, 2]),
    ],
)
def test_a_copy_keeps_the_bytes_of_its_lines(tmp_path, name, content, kept):
    source = tmp_path / name
    source.write_bytes(content)
    rows, set_aside = read_rows(source)
    assert (len(rows), set_aside) == (2, [])
    out = tmp_path / f"out{open_data_set(source).suffix}"
    write_rows(source, rows, out)
    assert out.read_bytes() == content
    write_rows(source, rows[1:], out)
    encoding, mark = ("utf-16-le", codecs.BOM_UTF16_LE) if name == "utf16.jsonl" else ("utf-8", content[:3])
    mark = mark if content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE)) else b""
    lines = content[len(mark) :].decode(encoding).replace("\u2028", "!").splitlines(keepends=True)
    expected = "".join(lines[n] for n in kept).replace("!", "\u2028")
    assert out.read_bytes() == mark + expected.encode(encoding)
    assert [row.record for row in read_rows(out)[0]] == [rows[1].record]


def test_types_of_a_table_stay(tmp_path):
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = pa.table(
        {
            "messages": [[{"role": r, "content": "c"} for r in ("user", "assistant")]] * 2,
            "day": pa.array([date(2026, 1, 1), None]),
            "weight": pa.array([float("nan"), 1], pa.float32()),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
        }
    ).replace_schema_metadata({"made": "by hand"})
    pq.write_table(table, source)
    write_rows(source, read_rows(source)[0][:1], out)
    assert pq.read_schema(out).equals(pq.read_schema(source), check_metadata=True)
    assert pq.read_table(out).num_rows == 1


def test_a_split_of_a_saved_data_set(tmp_path):
    part = datasets.Dataset.from_list([{"prompt": "p", "response": str(n)} for n in range(3)])
    datasets.DatasetDict({"train": part}).save_to_disk(str(tmp_path / "in"))
    source = f"{tmp_path}/in:train"
    rows, _ = read_rows(source)
    for kept in (rows[:1], rows[2:], []):  # over an earlier result, and without any row
        write_rows(source, kept, tmp_path / "out")
        assert datasets.load_from_disk(str(tmp_path / "out"))["response"][:] == [row.response for row in kept]


def test_rows_of_a_hub_become_json_lines(tmp_path, monkeypatch):
    part = datasets.Dataset.from_list([{"prompt": "p", "response": "ä", "day": date(2026, 1, 1)}])
    monkeypatch.setattr(datasets, "load_dataset", lambda _: datasets.DatasetDict({"train": part}))
    write_rows("org/name", read_rows("org/name")[0], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == '{"prompt": "p", "response": "ä", "day": "2026-01-01"}\n'


def test_a_place_that_would_lose_something_is_refused(tmp_path):
    source = put([{"prompt": "p", "response": "r"}], tmp_path / "in.jsonl")
    rows, _ = read_rows(source)
    with pytest.raises(WritingError, match=r"the copy of .* must end in \.jsonl"):
        write_rows(source, rows, tmp_path / "out.csv")
    with pytest.raises(WritingError, match="is in the data set itself"):
        write_rows(source, rows, tmp_path / "." / "in.jsonl")
    saved = put([{"prompt": "p", "response": "r"}], tmp_path / "saved")
    rows, _ = read_rows(saved)
    with pytest.raises(WritingError, match="is in the data set itself"):
        write_rows(saved, rows, saved / "kept")
    with pytest.raises(WritingError, match="a folder with other files"):
        write_rows(saved, rows, tmp_path)
    assert len(read_rows(saved)[0]) == 1


def test_a_source_that_has_changed_is_noticed(tmp_path):
    source = put([{"prompt": "p", "response": str(n)} for n in range(3)], tmp_path / "in.jsonl")
    rows, _ = read_rows(source)
    source.write_bytes(b"".join(source.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(WritingError, match=r"in\.jsonl:2: not the record that was read"):
        write_rows(source, rows[1:2], tmp_path / "out.jsonl")
    changed = dataclasses.replace(rows[0], line=1, record={**rows[1].record, "clues_label": "cut"})
    with pytest.raises(WritingError, match="not the record that was read"):
        write_rows(source, [changed], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()

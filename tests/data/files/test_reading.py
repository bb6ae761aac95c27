"""Every format and naming is read; what is no row is set aside with its line and a reason an owner understands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.data.files.reading import open_data_set, read_rows
from clues.data.files.values import is_blank
from clues.data.rows import Message
from clues.errors import ReadingError
from tests.helpers.files import FORMATS, put

RECORDS = [
    {"question": "Was ist Anämie?", "answer": 'Ein Mangel,\n"Blutarmut" genannt. 😀', "source": "A"},
    {"question": "What is it?", "answer": "An answer.\u2028Another line.", "source": "B"},
    {"question": "Empty?", "answer": " \n", "source": "C"},
    {"question": "Last?", "answer": "Yes.", "source": "D"},
]
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
damaged = st.sampled_from(["{", "[1]", "null", '{"prompt": 1}', '{"prompt": "p", "response": " "}'])


def lines(*records: Any) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


def messages_of(path: Path, record: Any, columns: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """Roles and contents of a file with one record."""
    path = path / "one.jsonl"
    path.write_text(lines(record))
    rows, set_aside = read_rows(path, columns)
    assert not set_aside
    return [(message.role, message.content) for message in rows[0].messages]


def reason_of(path: Path, record: Any, columns: dict[str, str] | None = None) -> str:
    path = path / "one.jsonl"
    path.write_text(lines({"prompt": "p", "response": "r"} if columns is None else {"a": "p", "b": "r"}, record))
    rows, set_aside = read_rows(path, columns)
    assert [row.line for row in rows] == [1]
    assert [(item.file, item.line) for item in set_aside] == [(str(path), 2)]
    return set_aside[0].reason


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path, name):
    path = put(RECORDS, tmp_path / name)
    rows, set_aside = read_rows(path)
    assert [row.record for row in rows] == [RECORDS[0], RECORDS[1], RECORDS[3]]
    assert [row.response for row in rows] == [RECORDS[i]["answer"] for i in (0, 1, 3)]
    assert {row.file for row in rows} == {str(path)}
    expected = {".csv": [2, 4, 7], ".tsv": [2, 4, 7], ".xlsx": [2, 3, 5]}.get(path.name.removesuffix(".gz")[4:])
    expected = expected or [1, 2, 4]
    assert [row.line for row in rows] == expected
    assert [item.reason for item in set_aside] == ["the response is empty"]
    assert "Empty?" in set_aside[0].raw


def test_field_names(tmp_path):
    pair = [("user", "p"), ("assistant", "r")]
    assert messages_of(tmp_path, {"prompt": "p", "response": "r", "instruction": "other"}) == pair
    assert messages_of(tmp_path, {"question": "p", "answer": "r", "prompt": "half of another pair"}) == pair
    assert messages_of(tmp_path, {"instruction": "p", "output": "r"}) == pair
    assert messages_of(tmp_path, {"instruction": "p", "input": " ", "output": "r"}) == pair
    assert messages_of(tmp_path, {"instruction": "p", "input": "x", "output": "r"})[0] == ("user", "p\n\nx")
    assert messages_of(tmp_path, {"a": "p", "b": "r", "messages": 3}, {"prompt": "a", "response": "b"}) == pair
    assert messages_of(tmp_path, {"messages": None, "prompt": "p", "response": "r"}) == pair


def test_conversations(tmp_path):
    turns = [("system", "be brief"), ("user", "p"), ("assistant", "r"), ("user", "q"), ("assistant", "s")]
    assert messages_of(tmp_path, {"messages": [{"role": r, "content": c, "name": None} for r, c in turns]}) == turns
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    assert messages_of(tmp_path, {"conversations": [{"from": names[r], "value": c} for r, c in turns]}) == turns


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{broken", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[" * 100_000, "not JSON that can be read"),
        ("[1]", "the record is not an object"),
        ({"prompt": "p"}, "field response is missing"),
        ({"answer": "r"}, "field question is missing"),
        ({"prompt": "p", "response": None}, "field response is null, not text"),
        ({"prompt": "p", "response": 3}, "field response is a number, not text"),
        ({"prompt": "p", "response": "\t "}, "the response is empty"),
        ({"prompt": "", "response": "r"}, "the prompt is empty"),
        ({"prompt": "p", "response": "half \ud83d"}, "field response holds half a character"),
        (
            {"text": "t", "id": 1},
            "no known fields: the record has text, id; say which are prompt and response, as in --columns",
        ),
        ({}, "the record has none"),
        ({"instruction": "p", "input": 3, "output": "r"}, "field input is a number, not text"),
        ({"messages": "hello"}, "field messages is text, not a list of turns"),
        ({"messages": []}, "the last turn must be an assistant's, .* here it does not exist"),
        ({"messages": ["hello"]}, "turn 1 of messages is text, not an object with role and content"),
        ({"messages": [{"role": "user"}]}, "turn 1 of messages: field content is missing"),
        ({"messages": [{"role": "narrator", "content": "c"}]}, "turn 1 of messages has the role 'narrator'; roles are"),
        ({"messages": [{"role": "tool", "content": "c"}]}, "the last turn must be an assistant's, .* it is tool's"),
        ({"messages": [{"role": "user", "content": ["c"]}]}, "turn 1 of messages: field content is a list, not text"),
        ({"messages": [{"role": "user", "content": "c"}]}, "the last turn must be an assistant's, .* it is user's"),
        ({"messages": [{"role": "assistant", "content": "c"}]}, "there is no user turn"),
        (
            {"messages": [{"role": r, "content": r * (r != "assistant")} for r in ("system", "user", "assistant")]},
            r"the response is empty \(turn 3\)",
        ),
    ],
)
def test_what_is_no_row_is_set_aside(tmp_path, record, reason):
    assert re.search(reason, reason_of(tmp_path, record))


def test_a_mapped_column_that_is_missing(tmp_path):
    reason = reason_of(tmp_path, {"a": "p", "c": "r"}, {"prompt": "a", "response": "b"})
    assert reason == "field b is missing; the record has a, c (--columns says which field is which)"


def test_lines_stay_true_around_blank_lines_marks_and_foreign_bytes(tmp_path):
    good = b'{"prompt": "p", "response": "r"}'
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\r\n\r\n  \n" + good[:-2] + b'\xe4"}\n' + good)
    rows, set_aside = read_rows(path)
    assert [row.line for row in rows] == [1, 5]
    assert [(item.line, item.reason) for item in set_aside] == [
        (4, "not UTF-8 at byte 31 of the line; save the file as UTF-8")
    ]
    assert set_aside[0].raw == '{"prompt": "p", "response": "r\\xe4"}'


def test_damaged_csv(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b"\xef\xbb\xbfprompt,response\n"
        b'p,"two\nlines"\n'
        b"\n"
        b"p,r,surplus\n"
        b'p,"quoted" outside\n'
        b"p,\xe4\n"
        b"p," + b"r" * 200_000 + b"\n"
        b'p,"never closed\n'
        b"p,r\n"
    )
    rows, set_aside = read_rows(path)
    assert [(row.line, len(row.response)) for row in rows] == [(2, 9), (8, 200_000), (10, 1)]
    assert [item.line for item in set_aside] == [5, 6, 7, 9]
    reasons = [item.reason for item in set_aside]
    assert reasons[0] == "3 cells where the header has 2"
    assert "is a quotation mark left open" in reasons[1]
    assert reasons[2] == "not UTF-8 at byte 3 of the line; save the file as UTF-8"
    assert "unexpected end of data" in reasons[3]
    assert set_aside[3].raw == 'p,"never closed'


@settings(deadline=None)
@given(st.lists(st.tuples(text, text) | damaged, max_size=12), st.booleans())
def test_every_line_is_a_row_or_set_aside(tmp_path_factory, entries, escape):
    path = tmp_path_factory.mktemp("lines") / "rows.jsonl"
    records = [e if isinstance(e, str) else {"prompt": e[0], "response": e[1], "extra": [e[0]]} for e in entries]
    whole = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=escape) for r in records]
    path.write_text("\n".join(whole), encoding="utf-8", newline="")
    rows, set_aside = read_rows(path)
    usable = [line for line, e in enumerate(entries, start=1) if isinstance(e, tuple) and not any(map(is_blank, e))]
    assert [row.line for row in rows] == usable
    assert [item.line for item in set_aside] == sorted(set(range(1, len(entries) + 1)) - set(usable))
    for row in rows:
        assert row.record == records[row.line - 1]
        prompt, response = entries[row.line - 1]
        assert row.messages == (Message("user", prompt), Message("assistant", response))
    for item in set_aside:
        assert item.raw == whole[item.line - 1]


def test_json_with_its_records_under_data(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"version": 1, "data": [*RECORDS[:1], "text"]}))
    rows, set_aside = read_rows(path)
    assert [row.line for row in rows] == [1]
    assert [(item.line, item.reason, item.raw) for item in set_aside] == [(2, "the record is not an object", '"text"')]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "none.jsonl: no such file or folder"),
        ("none.of.these", None, "none.of.these: no such file or folder"),
        ("rows.txt", b"", r"unknown format; its name must end in \.jsonl, "),
        ("rows.json", b"3", "neither a list of objects nor"),
        ("rows.json", b'[{"a": 1},\n{"a": 2} 3]\n', "rows.json:2: not JSON: Expecting ','"),
        ("rows.json", b'[{"a": 1}]\n[2]\n', "rows.json:2: not JSON: Extra data"),
        ("rows.json", b'{"train": [{}], "test": [{}]}', "it holds the lists train, test; name one, as in .*json:train"),
        ("rows.json", b'{"prompt": {"0": "p"}, "response": {"0": "r"}}', 'as pandas writes it; .*orient="records"'),
        ("rows.csv", b"a,b;c\nd,e;f\n", "the header can be cut at , or at ;: say which by .*, sep=, or sep=;"),
        ("rows.jsonl", b"\xff\xfea\x00b", "begins as UTF-16-LE but does not go on so"),
        ("rows.xlsx", b"PK", "not an Excel workbook that can be read"),
        ("rows.arrow", b"ARROW1", "not an Arrow file that can be read"),
        ("rows.jsonl.zst", b"plain", "cannot be read: "),
        ("rows.json", b"\xe4", "not JSON in UTF-8"),
        ("rows.jsonl.gz", b"plain", "cannot be read: Not a gzipped file"),
        ("rows.csv", b"", "rows.csv:1: the file is empty: a header is needed"),
        ("rows.csv", b"a,b,a\n", "rows.csv:1: two columns are named 'a'"),
        ("rows.csv", b'a,"b\n', "rows.csv:1: not CSV"),
        ("rows.parquet", b"PAR1", "not a Parquet file that can be read"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadingError, match=message):
        read_rows(tmp_path / name)


def test_splits_of_a_saved_data_set(tmp_path):
    part = datasets.Dataset.from_list(RECORDS)
    datasets.DatasetDict({"train": part, "test": part.select([3])}).save_to_disk(str(tmp_path / "both"))
    datasets.DatasetDict({"train": part}).save_to_disk(str(tmp_path / "only"))
    part.save_to_disk(str(tmp_path / "flat"))
    assert len(read_rows(f"{tmp_path}/both:test")[0]) == 1
    assert len(read_rows(tmp_path / "only")[0]) == 3
    with pytest.raises(ReadingError, match=r"both: the splits are train, test; name one, as in .*both:train"):
        read_rows(tmp_path / "both")
    with pytest.raises(ReadingError, match="both: no split 'dev'; the splits are train, test"):
        read_rows(f"{tmp_path}/both:dev")
    with pytest.raises(ReadingError, match="flat:dev: the data set has no splits"):
        read_rows(f"{tmp_path}/flat:dev")
    with pytest.raises(ReadingError, match="a folder, but no saved data set and no file of rows in it; name a file"):
        read_rows(tmp_path)


def test_a_data_set_of_a_hub(monkeypatch):
    part = datasets.Dataset.from_list(RECORDS)
    hub = {"org/name": datasets.DatasetDict({"train": part, "test": part})}
    monkeypatch.setattr(datasets, "load_dataset", hub.__getitem__)
    rows, set_aside = read_rows("org/name:train")
    assert [row.line for row in rows] == [1, 2, 4]
    assert rows[0].file == "org/name:train"
    assert len(set_aside) == 1
    with pytest.raises(ReadingError, match="org/name: the splits are train, test; name one, as in org/name:train"):
        read_rows("org/name")


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch):
    def unreachable(name):
        raise ConnectionError(f"Couldn't reach {name!r} on the Hub\nand much more")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ReadingError) as caught:
        read_rows("org/name")
    assert str(caught.value) == (
        "org/name: no such file, and as a hub's data set not to be had: Couldn't reach 'org/name' on the Hub"
    )


def test_opening_reads_nothing_and_knows_the_suffix_of_a_copy(tmp_path):
    (tmp_path / "ROWS.CSV.GZ").touch()
    assert open_data_set(tmp_path / "ROWS.CSV.GZ").suffix == ".csv.gz"
    assert open_data_set("org/name").suffix == ".jsonl"
    assert open_data_set(tmp_path).suffix == ""

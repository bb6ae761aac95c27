"""A quotation mark too many costs its own line; separators are the file's own; nothing is read in two ways."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.data.files.reading import read_rows, reading
from clues.data.rows import Row
from clues.errors import ReadingError

PLAIN = [f"What is item {n}?,It is thing number {n}." for n in range(40)]


def read(path: Path, *lines: str, end: str = "\n") -> tuple[list[int], list[int], list[str]]:
    """Lines of the rows, lines set aside, reasons."""
    path = path / "rows.csv"
    path.write_text(end.join(["question,answer", *lines]), encoding="utf-8", newline="")
    rows, set_aside = read_rows(path)
    return [row.line for row in rows], [item.line for item in set_aside], [item.reason for item in set_aside]


def test_a_mark_that_is_never_closed_costs_one_line(tmp_path):
    rows, aside, reasons = read(tmp_path, *PLAIN[:20], '"5 inch nails?,Long ones.', *PLAIN[20:])
    assert len(rows) == 40
    assert aside == [22]
    assert "is a quotation mark left open or not doubled?" in reasons[0]


def test_two_stray_marks_cost_two_lines(tmp_path):
    one, other = '"5 inch nails?,Long ones.', 'What is a 5" nail?,"A nail" of 5 inches.'
    rows, aside, _ = read(tmp_path, *PLAIN[:10], one, *PLAIN[10:30], other, *PLAIN[30:])
    assert len(rows) == 40
    assert aside == [12, 33]


def test_lines_between_two_marks_that_fit_are_not_one_record_in_silence(tmp_path):
    rows, aside, reasons = read(tmp_path, *PLAIN[:10], '"5 inch?,Long.', *PLAIN[10:30], 'Why 6",Because.', *PLAIN[30:])
    assert len(rows) == 20
    assert aside == list(range(12, 34))
    assert "of line 12 is closed on line 33, and the lines between read as records themselves" in reasons[0]


@pytest.mark.parametrize(
    "answer",
    [
        "First, wash it.\nThen, dry it.\nThen, rest.\nAt last, sleep.",
        "One.\n\nTwo, and\nthree.",
        'He said ""no"",\nand ""yes"".',
        "\n".join(f"Line {n} of a long text without a separator." for n in range(500)),
    ],
)
def test_an_answer_of_many_lines_is_one_record(tmp_path, answer):
    rows, aside, _ = read(tmp_path, *PLAIN[:3], f'What to do?,"{answer}"', *PLAIN[3:6])
    assert aside == []
    assert rows == [2, 3, 4, 5, *(6 + answer.count("\n") + n for n in range(3))]


def test_after_a_fault_a_line_with_half_a_pair_of_marks_is_no_row(tmp_path):
    rows, aside, reasons = read(tmp_path, 'Who?,"He said "no" and', 'left, fast"', *PLAIN[:2])
    assert (rows, aside) == ([4, 5], [2, 3])
    assert reasons[1] == "a stray quotation mark, after the one on line 2"


def test_backslashes_are_named(tmp_path):
    _, aside, reasons = read(tmp_path, '"He said \\"hi\\", why?","Because."', "Who?,Someone.")
    assert aside == [2]
    assert 'must be doubled, "", not written \\"' in reasons[0]


def test_empty_columns_blanks_and_a_second_header(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("question , answer,,\nq1,r1,,\nq2,r2\nquestion,answer,,\nq3,r3,,x\nq4\n", encoding="utf-8")
    rows, set_aside = read_rows(path)
    assert [row.record for row in rows] == [{"question": f"q{n}", "answer": f"r{n}"} for n in (1, 2)]
    assert [(item.line, item.reason) for item in set_aside] == [
        (4, "the header again: files were joined here"),
        (5, "4 cells where the header has 2"),
        (6, "1 cells where the header has 2"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "notes"),
    [
        ("rows.csv", "question;answer\nWhat, now?;That, now.\n", ["CSV with ;"]),
        ("rows.csv", "question\tanswer\nWhat, now?\tThat, now.\n", ["CSV with tabs"]),
        ("rows.csv", "sep=|\r\nquestion|answer\r\nWhat, now?|That, now.\r\n", ["CSV with |"]),
        ("rows.tsv", "question\tanswer\nWhat, now?\tThat, now.\n", []),
        ("rows", 'question,answer\n"What, now?","That, now."\n', ["CSV"]),
        ("rows.csv", "question;answer,x\nWhat, now?;That, now.\n", ["CSV with ;"]),
        ("rows.csv", "question,answer\rWhat?,This.\r", ["line ends CR"]),
    ],
)
def test_the_separator_is_found_and_named(tmp_path, name, content, notes):
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    found = reading(tmp_path / name)
    rows = [row for row in found if isinstance(row, Row)]
    assert found.data_set.notes == notes
    assert [row.prompt for row in rows] == (
        [] if ",x" in content else ["What?" if "CR" in str(notes) else "What, now?"]
    )


@pytest.mark.parametrize(
    ("text", "encoding", "notes"),
    [
        ("Wie heißt die Krankheit, die müde macht?", "cp1252", ["cp1252"]),
        ("Как называется болезнь, от которой устают?", "cp1251", ["cp1251"]),
        ("病気の名前は何ですか。貧血です。", "shift_jis", ["shift_jis"]),
        ("Wie heißt die Krankheit?", "utf-16", ["utf-16-le"]),
        ("Wie heißt die Krankheit?", "utf-16-be", ["utf-16-be"]),
        ("Wie heißt die Krankheit?", "utf-32", ["utf-32-le"]),
        ("Wie heißt die Krankheit?", "utf-8-sig", []),
    ],
)
def test_the_encoding_is_found_and_named(tmp_path, text, encoding, notes):
    path = tmp_path / "rows.csv"
    path.write_bytes(f'question,answer\n"{text}",yes\nplain?,no\n'.encode(encoding))
    found = reading(path)
    assert [row.prompt for row in found if isinstance(row, Row)] == [text, "plain?"]
    assert found.data_set.notes == notes


@pytest.mark.parametrize("content", [("Wie heißt die Krankheit, die müde macht?", "mac_roman"), ("ä", "cp1252")])
def test_two_readings_of_an_encoding_are_none(tmp_path, content):
    text, encoding = content
    path = tmp_path / "rows.jsonl"
    lines = [f'{{"question": "{question}", "answer": "no"}}\n' for question in ("plain?", text)]
    path.write_bytes("".join(lines).encode(encoding))
    rows, set_aside = read_rows(path)
    assert [row.prompt for row in rows] == ["plain?"]
    assert re.fullmatch(r"not UTF-8 at byte \d+ of the line; save the file as UTF-8", set_aside[0].reason)


def test_a_mark_in_every_line_is_read_in_time_that_grows_with_the_file(tmp_path):
    """Else each open mark would read the whole file again: 20,000 lines of it would be 200 million."""
    rows, aside, _ = read(tmp_path, *['"open,x'] * 20_000, "Who?,Someone.")
    assert (rows, len(aside)) == ([20_002], 20_000)


@settings(deadline=None, max_examples=300)
@given(
    st.text(st.sampled_from('ab",; \t\n\r|"\ufeff\x00'), max_size=60), st.sampled_from(["rows.csv", "rows.tsv", "rows"])
)
def test_every_line_is_counted_once(tmp_path_factory, text, name):
    path = tmp_path_factory.mktemp("csv") / name
    path.write_text("question,answer\n" + text, encoding="utf-8", newline="")
    try:
        rows, set_aside = read_rows(path)
    except ReadingError:
        return
    lines = [row.line for row in rows] + [item.line for item in set_aside]
    assert len(set(lines)) == len(lines)
    covered = sum(item.raw.count("\n") + 1 for item in set_aside) + len(rows)
    assert covered <= len(re.split("\r\n|\r|\n", text)) + sum(item.raw.count("\r") for item in set_aside)

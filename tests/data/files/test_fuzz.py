"""Damaged files of every format: rows, lines set aside, or one error that says what; what is read is copied.

`make fuzz` tries many more (CLUES_FUZZ: examples of each).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clues.cli.main import main
from clues.data.files.reading import open_data_set, read_rows
from clues.data.files.writing import write_rows
from clues.disk.writing import json_line
from clues.errors import DataError
from tests.cli import conftest
from tests.helpers.files import FORMATS, put

checkpoint = conftest.checkpoint  # a fixture
EXAMPLES = int(os.environ.get("CLUES_FUZZ", "25"))
FILES = [name for name in FORMATS if "." in name]
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.generate],
)
RECORDS = [
    {"question": f"What is item {n}, ä?", "answer": f'Thing "{n}",\nof two lines; 😀', "note": "x"} for n in range(6)
]
damage = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 8),
        st.binary(max_size=6)
        | st.sampled_from([b'"', b"\n", b"\r", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"]"]),
    ),
    min_size=1,
    max_size=5,
)


@cache
def whole(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        return put(RECORDS, Path(folder) / name).read_bytes()


def damaged(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Bytes put in the place of others, some of them at the end."""
    for place, lost, put_in in edits:
        at = place % (len(content) + 1)
        content = content[:at] + put_in + content[at + lost * lost * lost :]
    return content


def holds(path: Path) -> None:
    """Every record is counted once, and what is read comes out again."""
    try:
        rows, set_aside = read_rows(path)
    except DataError:
        return
    lines = [row.line for row in rows] + [item.line for item in set_aside]
    assert len(lines) == len(set(lines))
    assert all(item.reason for item in set_aside)
    out = path.with_name(f"kept{open_data_set(path).suffix}")
    if not path.name.endswith(".xlsx"):  # a damaged workbook is repaired when it is saved, if it can be
        write_rows(path, rows, out)
        assert [json_line(row.record) for row in read_rows(out)[0]] == [json_line(row.record) for row in rows]


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(damage)
def test_damage_to_a_file_ends_in_no_traceback(tmp_path_factory: pytest.TempPathFactory, name, edits):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(damaged(whole(name), edits))
    holds(path)


@pytest.mark.parametrize(
    "name", ["rows.jsonl", "rows.json", "rows.csv", "rows.tsv", "rows", "rows.parquet", "rows.xlsx"]
)
@fuzzed
@given(
    st.binary(max_size=80) | st.text(st.sampled_from('{}[]",:;\\ \r\n\tan1\ufeff\u2028'), max_size=80).map(str.encode)
)
def test_any_bytes_end_in_no_traceback(tmp_path_factory: pytest.TempPathFactory, name, content):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(content)
    holds(path)


@fuzzed
@given(st.sampled_from(FILES), damage)
def test_check_ends_with_0_or_2_and_a_line(
    tmp_path_factory: pytest.TempPathFactory,
    checkpoint: Callable[[str], Path],
    capfd: pytest.CaptureFixture[str],
    name,
    edits,
):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(damaged(whole(name), edits))
    code = main(["check", str(path), "--model", str(checkpoint("llama"))])
    seen = capfd.readouterr()
    assert code in (0, 2)
    assert "Traceback" not in seen.err
    assert seen.err.rpartition("\nclues: ")[2].count("\n") == 1 or code == 0
    assert bool(seen.out) == (code == 0)

from __future__ import annotations

import codecs

import pytest

from clues.disk.reading import read_json, read_lines, read_table, read_text
from clues.errors import FolderError


def test_another_version_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"schema_version": 2}')
    with pytest.raises(FolderError, match=r"a\.json: schema_version 2 is not 1"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FolderError, match=r"a\.json: schema_version None is not 1"):
        read_json(tmp_path / "a.json")


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(FolderError, match=r"b\.json is missing"):
        read_json(tmp_path / "b.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(FolderError, match=r"b\.json is not JSON"):
        read_json(tmp_path / "b.json")
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(FolderError, match="an object is needed"):
        read_json(tmp_path / "b.json")
    (tmp_path / "t.parquet").write_text("no")
    with pytest.raises(FolderError, match="not a Parquet file"):
        read_table(tmp_path / "t.parquet")


def test_lines_name_the_bad_one_and_leave_an_unfinished_one(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert read_lines(path) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\nno\n')
    with pytest.raises(FolderError, match=r"events\.jsonl:2 is not JSON"):
        read_lines(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_what_any_editor_saves_is_read(tmp_path, encoding):
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (tmp_path / "mine.txt").write_bytes(mark + "ä\r\nb\n".encode(encoding))
    assert read_text(tmp_path / "mine.txt") == "ä\nb\n"


def test_another_encoding_is_named_with_its_line(tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"a\n\xe4\n")
    with pytest.raises(FolderError, match=r"mine\.txt:2: not UTF-8 .*; save it as UTF-8"):
        read_text(tmp_path / "mine.txt")
    (tmp_path / "mine.txt").write_bytes(b"\xff\xfea")
    with pytest.raises(FolderError, match=r"mine\.txt:1: not UTF-16"):
        read_text(tmp_path / "mine.txt")

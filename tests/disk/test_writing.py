"""Files appear whole or not at all, and by no other way than `disk.writing`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import clues
from clues.disk.writing import adding_to, remove_unfinished, replacing, write_jsonl, write_text

WRITES = re.compile(
    r"write_text\(|write_bytes\(|\bpq\.write_table\(|save_file\(|save_pretrained\(|copyfile\(|os\.replace\(|\.rename\("
    r"|json\.dump\(|tomli_w|ParquetWriter\(|open\([^)]*\"[wax]"
)
OTHERS = {
    "progress.py": 'self.events.open("a")',  # lines are added; a reader leaves out one without its end
    "federated/client.py": 'errors.open("a") as log',
    "evaluation/answers/folder.py": 'file.open("ab")',
    "models/base.py": "scratch",  # a folder of the cache, which several processes may make at once
}
"""Files that grow line by line, or that no folder of clues holds."""


def test_nothing_else_writes_a_file():
    """What writes has a name from `replacing` or `adding_to`, called scratch, or goes through `disk.writing`."""
    root = Path(clues.__file__).parent
    found = []
    for file in sorted(root.rglob("*.py")):
        name = str(file.relative_to(root))
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            if not WRITES.search(line) or line.lstrip().startswith(("from ", "import ", "def ")):
                continue
            ours = "scratch" in line or re.search(r"(?<![.\w])write_(text|table)\(", line)
            copies = name.startswith("data/files/") and re.search(r"\bout\b", line)  # `write_rows` names that file
            if not (ours or copies or name.startswith("disk/") or OTHERS.get(name, "\n") in line):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


def test_a_failure_leaves_the_old_file(tmp_path):
    def broken():
        yield {"a": 1}
        raise RuntimeError("power cut")

    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        write_jsonl(broken(), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]
    with pytest.raises(FileExistsError), replacing(tmp_path / "folder") as scratch:  # noqa: PT012 - it fails halfway
        scratch.mkdir()
        scratch.mkdir()
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_files_added_to_a_folder_leave_the_others(tmp_path):
    write_text("old", tmp_path / "new.txt")
    write_text("kept", tmp_path / "rounds" / "1.txt")
    with adding_to(tmp_path) as scratch:
        (scratch / "new.txt").write_text("new")
        assert (tmp_path / "new.txt").read_text() == "old"
    assert {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*.txt")} == {
        "new.txt": "new",
        "rounds/1.txt": "kept",
    }
    with pytest.raises(RuntimeError), adding_to(tmp_path) as scratch:  # noqa: PT012 - it fails halfway
        (scratch / "new.txt").write_text("half")
        raise RuntimeError("power cut")
    assert (tmp_path / "new.txt").read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.txt", "rounds"]


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    for name in (".out.json.4711.part", "deeper/.out.parquet.4711.part", "base.parts/000000.parquet", "a.part"):
        write_text("x", tmp_path / name)
    (tmp_path / ".files.4711.part").mkdir()
    write_text("x", tmp_path / ".files.4711.part" / "README.md")
    remove_unfinished(tmp_path)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"base.parts/000000.parquet", "a.part"}


def test_numbers_that_json_does_not_know_are_texts(tmp_path):
    record = {"a": [float("nan"), {"b": float("-inf")}], "c": (float("inf"), 1.5), "d": None}
    write_jsonl([record, {"a": "\x1b"}], tmp_path / "out.jsonl")
    first, second = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(first, parse_constant=pytest.fail) == {
        "a": ["NaN", {"b": "-Infinity"}],
        "c": ["Infinity", 1.5],
        "d": None,
    }
    assert "\\u001b" in second

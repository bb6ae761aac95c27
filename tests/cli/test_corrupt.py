"""`clues corrupt`: spoiled rows with labels, the same for the same seed."""

from __future__ import annotations

import json
import warnings
from collections import Counter

import pytest

from clues.cli.quiet import plain_warnings
from tests.cli.conftest import record


def test_it_spoils_the_share_that_was_asked_for_and_labels_every_row(clues, files, tmp_path):
    out = tmp_path / "spoiled.jsonl"
    called = clues(
        "corrupt", files / "mine.jsonl", "--output", out, "--share", "0.4", "--kinds", "cut, noise", "--json"
    )
    assert called.code == 0
    records = [json.loads(line) for line in out.read_text().splitlines()]
    labels = Counter(r["clues_label"] for r in records)
    assert labels["clean"] == 8
    assert labels["cut"] + labels["noise"] == 5
    assert called.facts["labels"] == labels
    assert called.facts["set_aside"] == 2
    assert [r["question"] for r in records[:11]] == [record(n)["question"] for n in range(11)]
    changed = [r["answer"] != record(n)["answer"] for n, r in enumerate(records[:11])]
    assert changed == [r["clues_label"] != "clean" for r in records[:11]]


def test_the_same_seed_spoils_the_same_way(clues, files, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            clues("corrupt", files / "mine.jsonl", "--output", tmp_path / f"{name}.jsonl", "--seed", seed, "-q").err
            == ""
        )
    a, b, c = ((tmp_path / f"{name}.jsonl").read_bytes() for name in "abc")
    assert a == b != c


def test_a_row_that_could_not_be_spoiled_as_drawn_is_told(clues, tmp_path):
    words = [{"prompt": f"Word {n}?", "response": "one two three" if n else "one"} for n in range(4)]
    (tmp_path / "short.jsonl").write_text("".join(json.dumps(r) + "\n" for r in words))
    command = ("corrupt", tmp_path / "short.jsonl", "--share", "1", "--kinds", "cut,repetition", "--seed", 1)
    with pytest.warns(UserWarning, match="1 of 4 rows could not be spoiled as drawn"):
        assert clues(*command, "--output", tmp_path / "out.jsonl").code == 0


def test_warnings_of_clues_are_a_line_each_and_others_are_silent():
    with plain_warnings():
        assert warnings.formatwarning("look", UserWarning, "file.py", 3) == "clues: look\n"
        shown = {module: _is_shown(module) for module in ("clues.cli.commands.corrupt", "peft.mapping")}
    assert shown == {"clues.cli.commands.corrupt": True, "peft.mapping": False}


def _is_shown(module: str) -> bool:
    with warnings.catch_warnings(record=True) as seen:
        warnings.warn_explicit("look", UserWarning, "file.py", 3, module=module)
    return bool(seen)

"""What of a record is not read is said wherever a file is read: check, dry runs, score, run and the pages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from clues.cli.main import main
from tests.cli.conftest import TINY, given, record, write_rows
from tests.cli.test_run import JOB

CASES = Path(__file__).parents[1] / "cases"
NOTE = "not read: hint: 12 rows"


@pytest.fixture(scope="module")
def hinted(files: Path, tmp_path_factory) -> Path:
    """Twelve rows with a field that is not read, one of them longer than 96 tokens, and their public files."""
    folder = tmp_path_factory.mktemp("hinted")
    for name in ("validation", "anchors"):
        shutil.copy(files / f"{name}.jsonl", folder)
    rows = [record(n) | {"hint": "think of iron"} for n in range(11)]
    turns = [
        ("user", "What?"),
        ("assistant", "A short answer."),
        ("user", "And?"),
        ("assistant", "word and more " * 40),
    ]
    rows.append({"messages": [{"role": r, "content": c} for r, c in turns], "hint": "h"})
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def scored(hinted: Path, checkpoint) -> Path:
    out = hinted / "out"
    options = ("--model", checkpoint("gpt2"), "--channels", "forward", "--rule", "ratio", *TINY, "-q")
    called = ["score", *given(hinted, out), *options, "--set", "model.max_length=96", "--set", "selection.ratio=1"]
    assert main([str(token) for token in called]) == 0
    return out


def test_check_says_the_layouts_and_what_is_not_read(clues, hinted, checkpoint):
    called = clues("check", hinted / "mine.jsonl", "--model", checkpoint("gpt2"), "--set", "model.max_length=96")
    assert "  read as question-answer (11) and messages (1)\n" in called.out
    assert NOTE in called.out
    facts = clues("check", hinted / "mine.jsonl", "--model", checkpoint("gpt2"), "--json").facts
    assert [(each["code"], each["rows"]) for each in facts["remarks"]] == [("left-out", 12), ("metadata", 11)]


def test_a_dry_run_says_it_of_the_public_files_too(clues, hinted, checkpoint, tmp_path):
    rows = [record(n) | {"rationale": "because"} for n in range(200, 208)]
    (tmp_path / "anchors.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = (
        hinted / "mine.jsonl",
        "--validation",
        hinted / "validation.jsonl",
        "--anchors",
        tmp_path / "anchors.jsonl",
    )
    called = clues("score", *files, "--output", tmp_path / "out", "--model", checkpoint("llama"), "--dry-run", *TINY)
    assert called.code == 0
    assert NOTE in called.out
    assert "anchors: not read: rationale: 8 rows" in called.out


def test_score_and_its_page_say_it_beside_what_was_kept(clues, scored):
    said = clues("select", scored).out
    assert said.startswith("12 of 12 rows kept (1 of them read in part), 0 dropped")
    assert f"note: {NOTE}" in said
    page = (scored / "report.html").read_text()
    assert NOTE in page
    assert "Not all that the records hold was read" in page
    assert "1 kept row was read in part" in page


def test_a_conversation_that_was_cut_has_no_completeness(scored):
    import pyarrow.parquet as pq

    rows = pq.read_table(scored / "scores.parquet").to_pandas()
    assert rows["truncated"].tolist() == [False] * 11 + [True]
    assert rows["completeness.forward"].isna().tolist() == [False] * 11 + [True]
    assert rows["evidence_completeness"].isna().tolist() == [False] * 11 + [True]


def test_a_job_has_columns_for_each_client_and_for_the_public_files(clues, files, checkpoint, tmp_path):
    for name in ("validation", "anchors", "test"):
        lines = [json.loads(line) for line in (files / f"{name}.jsonl").read_text().splitlines()]
        told = [{"ask": each.pop("question"), "say": each.pop("answer")} | each for each in lines]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in told))
    write_rows(tmp_path / "south.jsonl", range(600, 606))
    north = [{"ticket": record(n)["question"], "reply": record(n)["answer"], "hint": "h"} for n in range(500, 506)]
    (tmp_path / "north.jsonl").write_text("".join(json.dumps(row) + "\n" for row in north))
    text = JOB.format(model=checkpoint("llama"))
    text = text.replace('test = "test.jsonl"\n', 'test = "test.jsonl"\ncolumns = {prompt = "ask", response = "say"}\n')
    named = 'columns = {prompt = "ticket", response = "reply"}\n'
    (tmp_path / "job.toml").write_text(text.replace('data = "north.jsonl"\n', f'data = "north.jsonl"\n{named}'))
    dry = clues("run", tmp_path / "job.toml", "--dry-run")
    assert dry.code == 0
    assert "north: not read: hint: 6 rows" in dry.out
    done = clues("run", tmp_path / "job.toml", "--output", tmp_path / "run", "--in-process", "--display", "none")
    assert done.code == 0
    assert "note: north: not read: hint: 6 rows" in done.out
    about = json.loads((tmp_path / "run" / "clients" / "north" / "client.json").read_text())
    assert about["columns"] == {"prompt": "ticket", "response": "reply"}
    wrong = text.replace('data = "north.jsonl"\n', 'data = "north.jsonl"\ncolumns = {promt = "ticket"}\n')
    (tmp_path / "job.toml").write_text(wrong)
    assert "did you mean clients[0].columns.prompt?" in clues("run", tmp_path / "job.toml", "--dry-run").err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--prompt", r"{note}\n\n{ticket}", "--columns", "response=reply"), "n\n  \n  t<|im_end|>"),
        (("--columns", 'prompt="to, from",response=reply'), "f<|im_end|>"),
        (("--columns", "prompt=ticket,response=reply,system=note"), "<|im_start|>system\n  n<|im_end|>"),
        (("--format", "query-answer"), "q<|im_end|>"),
    ],
)
def test_options_say_which_field_is_what(clues, checkpoint, tmp_path, options, text):
    row = {"ticket": "t", "reply": "r", "note": "n", "to, from": "f", "query": "q", "answer": "a"}
    (tmp_path / "mine.jsonl").write_text(json.dumps(row) + "\n")
    called = clues("check", tmp_path / "mine.jsonl", "--model", checkpoint("gpt2"), *options)
    assert called.code == 0
    assert text in called.out


def test_prompt_is_named_once(clues, tmp_path):
    called = clues("check", tmp_path / "mine.jsonl", "--prompt", "{a}", "--columns", "prompt=b,response=c")
    assert (called.code, called.out) == (2, "")
    assert "leave one out" in called.err

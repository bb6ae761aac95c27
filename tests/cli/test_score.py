"""`clues score` and `clues select`, from the file to the kept rows, on tiny models of two architectures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import FULL, TINY, given, record, run, write_rows

ALWAYS = {
    *("scores.parquet", "kept.jsonl", "dropped.jsonl", "set_aside.jsonl", "client.json", "anchors.json", "power.json"),
    *("explanations.parquet", "report.html", "job.toml", "inputs.json", "events.jsonl", "channels", "groups.json"),
    "questions.json",
}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def original(files, checkpoint, tmp_path_factory):
    """Scored by forward channels, half of the rows kept: the folder, to be read only, and what was said."""
    out = tmp_path_factory.mktemp("original") / "out"
    rule = ("--channels", "forward", "--rule", "ratio")
    return out, run("score", *given(files, out), "--model", checkpoint("gpt2"), *rule, *TINY)


@pytest.fixture
def scored(original, tmp_path):
    return shutil.copytree(original[0], tmp_path / "out")


def test_forward_keeps_rows_byte_for_byte_and_tells_people_on_stdout_alone(original, files):
    out, called = original
    assert called.code == 0
    assert {p.name for p in out.iterdir()} == ALWAYS
    lines = (files / "mine.jsonl").read_bytes().splitlines(keepends=True)
    kept = (out / "kept.jsonl").read_bytes().splitlines(keepends=True)
    dropped = [json.loads(line) for line in (out / "dropped.jsonl").read_text().splitlines()]
    assert kept == [line for number, line in enumerate(lines[:13], 1) if number not in [d["line"] for d in dropped]]
    assert len(kept) == round(13 / 2)
    aside = [json.loads(line) for line in (out / "set_aside.jsonl").read_text().splitlines()]
    assert [item["line"] for item in aside] == [14, 15]
    assert called.out.startswith(f"{len(kept)} of 13 rows kept, {13 - len(kept)} dropped: ")
    assert "only 8 anchors" in called.out
    assert str(out / "kept.jsonl") in called.out
    assert str(out / "report.html") in called.out
    assert "score-base: done in" in called.err
    assert "done in" not in called.out


def test_full_scores_at_checkpoints_and_resume_does_nothing_twice(clues, files, checkpoint, tmp_path):
    out = tmp_path / "out"
    command = ("score", *given(files, out), "--model", checkpoint("llama"), *FULL, "--json")
    called = clues(*command)
    assert called.code == 0
    assert called.facts["schema_version"] == 1
    assert called.facts["rows"] == 13 == called.facts["kept"] + called.facts["dropped"]
    assert called.facts["set_aside"] == 2
    assert called.facts["duplicates"] == 1
    assert called.facts["path"] == str(out / "kept.jsonl")
    assert {p.name for p in (out / "channels" / "rows").glob("checkpoint*")} == {
        f"checkpoint-{k}.parquet" for k in (1, 2)
    }
    assert {"warm-up-1", "score-1", "warm-up-2", "score-2"} <= {
        line.partition(":")[0] for line in called.err.splitlines()
    }

    refused = clues(*command)
    assert refused.code == 2
    assert "--resume" in refused.err
    before = snapshot(out)
    again = clues(*command, "--resume")
    assert again.code == 0
    assert again.facts == called.facts
    assert "warm-up" not in again.err
    after = snapshot(out)
    same = [n for n in before if n.endswith((".safetensors", ".jsonl", "scores.parquet")) and n != "events.jsonl"]
    assert [n for n in same if before[n] != after[n]] == []


def test_resume_refuses_other_settings_and_other_rows(scored, clues, files, checkpoint, tmp_path):
    out = scored
    model = ("--model", checkpoint("gpt2"), "--channels", "forward", "--resume", *TINY)
    other_settings = clues("score", *given(files, out), *model, "--alpha", "0.2")
    assert other_settings.code == 2
    assert "settings differ" in other_settings.err
    (tmp_path / "mine.jsonl").write_bytes((files / "mine.jsonl").read_bytes().replace(b"red toe", b"blue toe"))
    before = snapshot(out)
    other_rows = clues("score", tmp_path / "mine.jsonl", *given(files, out)[1:], *model, "--rule", "ratio")
    assert other_rows.code == 2
    assert "other rows" in other_rows.err
    assert snapshot(out) == before


@pytest.mark.parametrize(("kind", "channels"), [("gpt2", "forward"), ("llama", "full")])
def test_a_dry_run_writes_nothing_and_shows_the_first_row_and_the_cost(
    clues, files, checkpoint, tmp_path, kind, channels
):
    command = (
        "score",
        *given(files, tmp_path / "out"),
        "--model",
        checkpoint(kind),
        "--channels",
        channels,
        "--dry-run",
    )
    called = clues(*command)
    assert called.code == 0
    assert list(tmp_path.iterdir()) == []
    first = record(0)
    assert f"⟦{first['answer']}<|im_end|>⟧" in called.out
    assert first["question"] in called.out
    assert "13 usable rows, 2 set aside" in called.out
    assert "line 14: the response is empty" in called.out
    facts = clues(*command, "--json").facts
    assert facts["rows"] == 13
    assert facts["anchors"] == 8
    assert (facts["tokens_forward_and_backward"] > 0) == (channels == "full")
    row = facts["first_row"]
    assert len(row["input_ids"]) == len(row["response_mask"])
    marked = "".join(part["text"] for part in row["parts"] if part["response"])
    assert marked == f"{first['answer']}<|im_end|>"
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_finds_what_would_fail_later(clues, files, checkpoint, tmp_path):
    rest = given(files, tmp_path / "out")[1:]
    wrong_layers = clues("score", files / "mine.jsonl", *rest, "--model", checkpoint("gpt2"), "--dry-run")
    assert wrong_layers.code == 2
    assert "adapter.target_modules" in wrong_layers.err
    short = ("--set", "model.max_length=45", "--channels", "forward")
    truncated = clues("score", files / "mine.jsonl", *rest, "--model", checkpoint("gpt2"), "--dry-run", *short)
    assert truncated.code == 2
    assert "anchors are longer than model.max_length = 45" in truncated.err


def test_a_wrong_name_does_not_block_the_output_folder(clues, files, checkpoint, tmp_path):
    command = ["score", *given(files, tmp_path / "out"), "--model", checkpoint("gpt2"), "--channels", "forward", *TINY]
    wrong = clues(*[tmp_path / "lost.jsonl" if token == files / "anchors.jsonl" else token for token in command])
    assert wrong.code == 2
    assert "lost.jsonl: no such file" in wrong.err
    assert not (tmp_path / "out").exists()
    right = clues(*command, "-q")
    assert right.code == 0
    assert right.out == f"{tmp_path / 'out' / 'kept.jsonl'}\n"
    assert right.err == ""


def test_columns_of_any_name_and_a_format_that_is_kept(clues, files, checkpoint, tmp_path):
    head, *rows = [
        "ticket,reply,note",
        *(f'"{r["question"]}","{r["answer"]}",{n}' for n, r in enumerate(map(record, range(6)))),
    ]
    (tmp_path / "mine.csv").write_text("\n".join([head, *rows]) + "\n")
    out = tmp_path / "out"
    options = ("--model", checkpoint("gpt2"), "--channels", "forward", "--columns", "prompt=ticket,response=reply")
    called = clues("score", tmp_path / "mine.csv", *given(files, out)[1:], *options, *TINY, "--rule", "ratio")
    assert called.code == 0
    kept = (out / "kept.csv").read_text().splitlines()
    assert kept[0] == head
    assert len(kept) == 4
    assert set(kept[1:]) < set(rows)
    assert clues("select", out, "--ratio", "1", "-q").out == f"{out / 'kept.csv'}\n"
    assert (out / "kept.csv").read_bytes() == (tmp_path / "mine.csv").read_bytes()


def test_a_gate_fails_with_exit_code_1_only_when_it_is_asked_for(scored, clues, files, checkpoint):
    out = scored
    again = (
        "score",
        *given(files, out),
        "--model",
        checkpoint("gpt2"),
        "--channels",
        "forward",
        "--rule",
        "ratio",
        *TINY,
        "--resume",
    )
    failed = clues(*again, "--fail-over", "0.5")
    assert failed.code == 1
    assert "60.0 % of the records are set aside or dropped" in failed.err
    assert clues(*again, "--fail-over", "0.6").code == 0


def test_selecting_again_keeps_what_is_not_given_and_obeys_decisions(scored, clues):
    out = scored
    fewer = clues("select", out, "--ratio", "0.25", "--json")
    assert fewer.code == 0
    assert fewer.facts["rule"] == "ratio"
    assert fewer.facts["kept"] == round(13 / 4)
    assert len((out / "kept.jsonl").read_text().splitlines()) == fewer.facts["kept"]
    dropped = [json.loads(line) for line in (out / "dropped.jsonl").read_text().splitlines()]
    decision = {"id": dropped[0]["id"], "decision": "keep", "why": "checked by hand"}
    (out / "decisions.jsonl").write_text(json.dumps(decision) + "\n")
    decided = clues("select", out, "--json")
    assert decided.facts["kept"] == fewer.facts["kept"] + 1
    (out / "decisions.jsonl").write_text('{"id": "nobody", "decision": "keep"}\n')
    wrong = clues("select", out)
    assert wrong.code == 2
    assert "decisions.jsonl:1" in wrong.err


def test_selecting_again_refuses_a_source_that_has_changed(clues, files, checkpoint, tmp_path):
    mine = write_rows(tmp_path / "mine.jsonl", range(8))
    out = tmp_path / "out"
    clues("score", mine, *given(files, out)[1:], "--model", checkpoint("gpt2"), "--channels", "forward", *TINY)
    write_rows(mine, range(1, 9))
    called = clues("select", out)
    assert called.code == 2
    assert "has changed since it was scored" in called.err

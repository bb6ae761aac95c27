"""What goes wrong: one line that says what to do and exit code 2; a traceback only for a fault of our own."""

from __future__ import annotations

import ast
import errno
import re
from pathlib import Path

import pytest

import clues as package
from clues import errors
from clues.cli.errors import one_line
from tests.helpers.known import known

ROOT = Path(package.__file__).parent


def exceptions_in(file: Path) -> set[str]:
    """Names of the exception classes that a file defines."""
    classes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)]
    ends = ("Error", "Exception")
    return {c.name for c in classes if any(isinstance(b, ast.Name) and b.id.endswith(ends) for b in c.bases)}


def test_every_exception_stands_in_one_tree_but_for_a_clients_own():
    elsewhere = {name for file in ROOT.rglob("*.py") if file != ROOT / "errors.py" for name in exceptions_in(file)}
    # A client's failure, which reaches the server as a code; and what the server answers to a reply that cannot be.
    assert elsewhere == {"TaskError", "UnfitReply"}


def test_the_tree_is_drawn_as_it_is():
    tree = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.CluesError)}
    assert set(re.findall(r"[A-Z]\w+", known(errors.__doc__).split("    CluesError\n")[1].split("Whatever")[0])) == {
        c.__name__ for c in tree
    } - {"CluesError"}
    assert tree >= {errors.SettingError, errors.JudgeError}


def test_a_message_of_several_lines_becomes_one():
    assert one_line(ValueError("first\n  second")) == "first second"
    assert (
        one_line(FileNotFoundError(errno.ENOENT, "No such file or directory", "a.toml"))
        == "a.toml: No such file or directory"
    )


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["check", "missing.jsonl"], "missing.jsonl: no such file"),
        (["check", "mine.txt"], "mine.txt"),
        (["check", "empty.jsonl"], "no usable row"),
        (["check", "mine.jsonl", "--columns", "prompt"], "prompt=COLUMN,response=COLUMN"),
        (["check", "mine.jsonl", "--columns", "prompt=q"], "field q is missing"),
        (["check", "mine.jsonl", "--columns", "promt=q,response=a"], "did you mean prompt?"),
        (["check", "mine.jsonl", "--columns", "prompt=q,response=q"], "columns name 'q' for two parts"),
        (["check", "mine.jsonl", "--prompt", "question"], "name fields in braces"),
        (["check", "mine.jsonl", "--format", "alpca"], "no layout 'alpca'; there are messages, sharegpt"),
        (["check", "mine.jsonl", "--columns", "prompt=q,response=a"], "field q is missing"),
        (["check", "mine.jsonl", "--set", "model.max_lenght=9"], "did you mean model.max_length?"),
        (["check", "mine.jsonl", "--set", "model.max_length=long"], "'long'; allowed: a whole number, at least 1"),
        (["check", "mine.jsonl", "--set", "training=5", "--set", "training.rounds=1"], "training is a value"),
        (["check", "mine.jsonl", "--set", "seed"], "write key=value"),
        (["check", "mine.jsonl", "--model", "nobody/nothing"], "model nobody/nothing"),
        (["check", "mine.jsonl", "--model", "lost.gguf"], "model lost.gguf: no such file"),
        (["check", "mine.jsonl", "--fail-over", "5"], "between 0 and 1"),
        (["check", "mine.jsonl", "--fail-over", "x"], "--fail-over"),
        (["check"], "FILE"),
        (["check", "mine.jsonl", "--display", "loud"], "plain"),
        (["score", "mine.jsonl", "--output", "out", "--anchors", "mine.jsonl"], "--validation"),
        (["select", "."], "client.json is missing"),
        (["report", "."], "neither selection.json nor client.json"),
        (["merge", "a", "b", "--output", "c"], "a: no adapter_config.json"),
        (["merge", "a", "--output", "c", "--weights", "x"], "could not convert"),
        (["corrupt", "mine.jsonl", "--output", "mine.jsonl"], "exists already"),
        (["corrupt", "mine.jsonl", "--output", "new.csv"], "end its name in .jsonl"),
        (["corrupt", "mine.jsonl", "--output", "new.jsonl", "--kinds", "bad"], "known: cut"),
        (["run", "missing.toml"], "missing.toml: No such file"),
        (["run", "mine.jsonl"], "not valid TOML"),
        (["run", "empty.toml"], "the job has no client"),
        (["run", "twice.toml"], "two clients have one name"),
        (["run", "lost.toml"], "lost.jsonl: no such file"),
        (["demo", "--seed", "x", "--dry-run"], "--seed"),
        (["demo", "--set", "sample.clients=['XYZ']", "--dry-run"], "no rows of source 'XYZ'"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(clues, tokens, said, files, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_bytes((files / "mine.jsonl").read_bytes())
    (tmp_path / "mine.txt").touch()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "empty.toml").touch()
    client = "[[clients]]\nname = 'a'\ndata = '{}'\n"
    (tmp_path / "twice.toml").write_text(2 * client.format("mine.jsonl"))
    (tmp_path / "lost.toml").write_text(client.format("lost.jsonl"))
    before = sorted(tmp_path.rglob("*"))
    wants_model = tokens[0] in ("check", "score") and "--model" not in tokens and len(tokens) > 1
    called = clues(*tokens, *(["--model", checkpoint("llama")] if wants_model else []))
    assert called.code == 2
    assert called.out == ""
    assert called.err.startswith("clues: ")
    assert called.err.count("\n") == 1
    assert said in called.err
    assert sorted(tmp_path.rglob("*")) == before


def test_ctrl_c_exits_with_130_and_the_command_that_goes_on(clues, monkeypatch, files):
    def interrupted(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clues.owner.score.score_file", interrupted)
    rest = ["--validation", "v v.jsonl", "--anchors", "a.jsonl", "--output", files / "out"]
    called = clues("score", "m.jsonl", *rest)
    assert called.code == 130
    assert called.out == ""
    assert called.err == (
        "clues: interrupted; to go on: clues score m.jsonl --validation 'v v.jsonl' --anchors a.jsonl "
        f"--output {files / 'out'} --resume\n"
    )


def test_a_fault_of_our_own_keeps_its_traceback_and_is_no_failed_gate(clues, monkeypatch, files, checkpoint):
    monkeypatch.setattr("clues.cli.commands.check.usable", lambda *_: 1 / 0)
    called = clues("check", files / "mine.jsonl", "--model", checkpoint("llama"))
    assert called.code == 70
    assert "ZeroDivisionError" in called.err
    assert "please report" in called.err

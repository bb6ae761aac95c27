"""`clues judge` from the command line, against a server that follows a script."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clues.evaluation.answers.answer import Answer, write_answers
from tests.evaluation.judge.test_grades import models, written
from tests.helpers.judge_server import KEY, Asked, Served, completion, problem, serving
from tests.helpers.waiting import computed, wait_until
from tests.test_formats import JUDGED, SECTIONS, names_in, pattern


@pytest.fixture
def answers(tmp_path) -> Path:
    """The answers of base and tuned to eight questions in four documents."""
    (tmp_path / "answers").mkdir()
    return written(tmp_path / "answers", **models())


def sensible(_: int, asked: Asked) -> Served:
    """Tuned is better; the first row's answers are not understood."""
    text = asked.prompt
    if "Question 0?" in text:
        return completion("I cannot say: 3 or 4")
    if "<answer_a>" in text:
        return completion("8 5" if text.index("tuned says") < text.index("base says") else "5 8")
    number = int(re.findall(r"says (\d)", text)[0])
    return completion(f"Score: {0.1 * number / 7 + (0.8 if 'tuned' in text else 0.3):.3f}")


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "judgements.jsonl").read_text().splitlines()]


def test_all_of_it(clues, answers, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    out = tmp_path / "judged"
    with serving(sensible) as server:
        to = ["--endpoint", server.url, "--judge", "big", "--against", answers / "base.jsonl", "--output", out]
        dry = clues("judge", answers, *to, "--dry-run", "--price-in", 2, "--price-out", 8, "--json")
        assert (dry.code, server.asked, out.exists()) == (0, [], False)
        assert dry.facts["requests"] == 32
        assert dry.facts["most_completion_tokens"] == 32 * 256
        assert dry.facts["most_money"] == pytest.approx((2 * dry.facts["prompt_tokens"] + 8 * 32 * 256) / 1e6)

        first = clues("judge", answers, *to, "--price-in", 2, "--price-out", 8)
        assert first.code == 0
        assert len(server.asked) == 32
        again = clues("judge", answers, *to, "--json")
        assert len(server.asked) == 32
        after = clues("judge", answers, *to, "--dry-run")

    # Of four documents' signs, 2 of 16 ways are as good: nothing can be clear.
    assert "tuned: 0.500 (0.500 to 0.500, p 0.1250) against base on 7 rows: no clear difference" in first.out
    assert "tuned: 3.000 (3.000 to 3.000, p 0.1250) against base on 7 rows: no clear difference" in first.out
    assert "judge: 32 requests to ask, 0 cached; about " in first.err
    assert f"at most about {dry.facts['most_money']:.2f} in the currency of the prices" in first.err
    assert "agree on 100 % of the rows (Cohen's kappa not defined, Spearman not defined)" in first.out
    assert "left out: 2 unreadable and 0 failed" in first.out
    assert "32 requests asked, 0 cached; 320 prompt and 96 completion tokens, 0.00 in" in first.out
    assert "0 requests to ask, 32 cached" in after.out

    facts = again.facts
    assert facts["requests"] == {"cached": 32, "asked": 0, "failed": 0}
    assert facts["models"]["tuned"]["judged"] == 7
    assert facts["models"]["tuned"]["unreadable"] == 1
    lines = lines_of(out)
    assert len(lines) == 32
    assert sum(line["status"] == "unreadable" for line in lines) == 4
    assert {line["order"] for line in lines if line["how"] == "pairs"} == {"ab", "ba"}
    assert {tuple(line["scores"]) for line in lines if line["how"] == "pairs" and line["scores"]} == {(8.0, 5.0)}
    whole = "".join(file.read_text() for file in out.rglob("*.json*"))
    assert KEY not in whole + first.out + first.err + again.out
    check_documented(out)


def test_with_enough_documents_the_better_is_called_better_and_the_other_worse(clues, tmp_path):
    """Eight documents: 2 of 256 ways are as good."""
    answers = written(tmp_path, **models(16))
    with serving(lambda _, asked: completion("0.9" if "tuned says" in asked.prompt else "0.4")) as server:
        to = ["--endpoint", server.url, "--judge", "big", "--only", "reference"]
        up = clues("judge", answers, *to, "--against", answers / "base.jsonl", "--output", tmp_path / "up")
        down = clues("judge", answers, *to, "--against", answers / "tuned.jsonl", "--output", tmp_path / "down")
    assert "tuned: 0.500 (0.500 to 0.500, p 0.0078) against base on 16 rows: better" in up.out
    assert "base: −0.500 (−0.500 to −0.500, p 0.0078) against tuned on 16 rows: worse" in down.out


def test_an_endpoint_that_counts_no_tokens_leaves_tokens_and_money_unknown(clues, answers, tmp_path):
    def uncounted(n: int, _: Asked) -> Served:
        reply = json.loads(completion("0.5").body)
        return Served(json.dumps({**reply, "usage": reply["usage"] if n else None}))

    with serving(uncounted) as server:
        to = ["--endpoint", server.url, "--judge", "big", "--price-in", 2, "--price-out", 8]
        shown = clues("judge", answers, *to, "--output", tmp_path / "shown")
        server.asked.clear()
        told = clues("judge", answers, *to, "--output", tmp_path / "told", "--json").facts
    assert "unknown prompt and unknown completion tokens, so what it cost is unknown too" in shown.out
    assert told["tokens"]["asked"] == {"prompt_tokens": None, "completion_tokens": None}
    assert told["money"] is None


def check_documented(out: Path) -> None:
    """Every file and field is in docs/FORMATS.md, and every documented one is there."""
    reply, *_ = (out / "replies").iterdir()
    assert {p.name for p in out.iterdir()} == {"judge.json", "judgements.jsonl", "replies"}
    assert set(SECTIONS["A folder of judgements"]) == JUDGED
    for name in JUDGED:
        found, documented = names_in(reply if "<" in name else out / name), SECTIONS[name]
        assert sorted(n for n in found if not any(re.fullmatch(pattern(d), n) for d in documented)) == []
        assert [d for d in documented if not any(re.fullmatch(pattern(d), n) for n in found)] == []


def test_an_interval_that_covers_zero_is_no_clear_difference(clues, answers, tmp_path):
    def torn(_: int, asked: Asked) -> Served:
        number = int(re.findall(r"says (\d)", asked.prompt)[0])
        better = ("tuned" in asked.prompt) == (number // 2 % 2 == 0)
        return completion("Score: 0.9" if better else "Score: 0.1")

    with serving(torn) as server:
        to = ["--endpoint", server.url, "--judge", "big", "--against", answers / "base.jsonl"]
        called = clues("judge", answers / "tuned.jsonl", *to, "--only", "reference", "--output", tmp_path / "out")
    assert "tuned: 0.000 (" in called.out
    assert "against base on 8 rows: no clear difference" in called.out
    assert ": better" not in called.out
    assert len(server.asked) == 16


def test_failures_are_counted_told_and_asked_again_by_the_same_command(clues, answers, tmp_path):
    healed = False

    def ill(_: int, asked: Asked) -> Served:
        return problem(500, "out of memory") if "Question 3?" in asked.prompt and not healed else completion("0.5")

    out = tmp_path / "out"
    with serving(ill) as server:
        command = ["judge", answers, "--endpoint", server.url, "--judge", "big", "--output", out, "--retries", 0]
        called = clues(*command)
        assert called.code == 1
        assert "2 requests failed and are in no number above" in called.err
        assert "the same command again" in called.err
        failed = [line for line in lines_of(out) if line["status"] == "failed"]
        assert [line["id"] for line in failed] == ["3-abc", "3-abc"]
        assert failed[0]["why"] == "status 500: out of memory"
        assert failed[0]["raw"] is failed[0]["scores"] is None
        healed = True
        called = clues(*command, "--json")
    assert called.code == 0
    assert called.facts["requests"] == {"cached": 14, "asked": 2, "failed": 0}


def test_a_refused_key_ends_it_in_one_line_without_the_key(clues, answers, tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with serving(lambda *_: problem(401, f"Incorrect API key provided: {KEY}")) as server:
        command = ["--endpoint", server.url, "--judge", "big", "--output", tmp_path / "out", "--key-env", "JUDGE_KEY"]
        called = clues("judge", answers, *command)
    assert called.code == 2
    assert called.err.splitlines()[-1] == (
        f"clues: {server.url} answers with status 401: Incorrect API key provided: [key]; the key is read from "
        "JUDGE_KEY, which is set"
    )
    assert KEY not in called.out + called.err


def test_a_limit_is_a_beginning_that_is_not_paid_for_twice(clues, answers, tmp_path):
    with serving(lambda *_: completion("0.5")) as server:
        command = ["--endpoint", server.url, "--judge", "big", "--output", tmp_path / "out", "--json"]
        few = clues("judge", answers, *command, "--limit", 3)
        more = clues("judge", answers, *command, "--limit", 5)
        other = clues("judge", answers, *command, "--sampling", "temperature=0,max_tokens=16,stop=\\n")
    assert (few.facts["rows"], few.facts["rows_there"], few.facts["requests"]["asked"]) == (3, 8, 6)
    assert (more.facts["rows"], more.facts["requests"]) == (5, {"cached": 6, "asked": 4, "failed": 0})
    assert other.code == 2
    assert "holds judgements with another setting of sampling; name another --output" in other.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--endpoint", "https://example.org/v1", "--offline"], "not on this machine"),
        (["--endpoint", "example.org"], "needs a URL"),
        (["--only", "pairs"], "--against"),
        (["--sampling", "hot"], "NAME=VALUE"),
        (["--sampling", "stream=true"], "stream is not for you to set"),
        (["--price-in", "1"], "--price-out"),
        (["--concurrency", "0"], "--concurrency 0: a larger number"),
        (["--limit", "0"], "--limit 0"),
        (["--requests-per-minute", "0"], "--requests-per-minute 0"),
        (["--prompt", "lost.txt"], "lost.txt: No such file"),
        (["--against", "lost.jsonl"], "lost.jsonl: No such file"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_use_is_one_line_and_writes_nothing(clues, answers, tmp_path, more, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"--endpoint": "http://localhost:1/v1", "--judge": "big", "--output": "out"}
    given = {name: value for name, value in given.items() if name not in more}
    called = clues("judge", answers, *(part for pair in given.items() for part in pair), *more)
    assert (called.code, called.out) == (2, "")
    assert said in called.err
    assert called.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_it_at_once_keeps_the_replies_and_says_how_to_go_on(answers, tmp_path):
    """A real process: four replies come, then the endpoint is silent."""
    out = tmp_path / "out"
    with serving(lambda n, _: completion("0.5") if n < 4 else Served("", wait_s=300)) as server:
        command = ["judge", str(answers), "--endpoint", server.url, "--judge", "big", "--output", str(out)]
        process = subprocess.Popen(
            [sys.executable, "-m", "clues", *command, "--display", "none"], stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it
        )  # fmt: skip
        try:
            assert wait_until(lambda: len(server.asked) == 8, lambda: computed(process.pid))
            os.kill(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=280)  # a busy machine is slow, the endpoint slower
        finally:
            process.kill()
    assert process.returncode == 130
    assert err.startswith(f"clues: interrupted; to go on: clues {' '.join(command)}")
    assert len(list((out / "replies").iterdir())) == 4


def test_answers_to_other_rows_are_refused(clues, answers, tmp_path):
    other = [Answer(f"{n}-x", "d", "q", "q", "r", "a", 1, True) for n in range(8)]
    write_answers(other, tmp_path / "other.jsonl")
    to = ["--endpoint", "http://localhost:1/v1", "--judge", "big", "--output", tmp_path / "out"]
    called = clues("judge", answers / "base.jsonl", *to, "--against", tmp_path / "other.jsonl")
    assert called.code == 2
    assert "answered by one of two models only" in called.err

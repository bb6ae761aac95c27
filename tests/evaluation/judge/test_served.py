"""The packaged model as the judge, behind transformers' own server: every part is the real one.

A model this small judges badly. Nothing is said here about what it says, only that nothing is lost on the way.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from clues.evaluation.answers.answer import Answer
from clues.evaluation.judge.asking import Manners
from clues.evaluation.judge.cost import Prices, judging_cost
from clues.evaluation.judge.endpoint import Endpoint
from clues.evaluation.judge.judging import Plan, judge_answers
from clues.evaluation.judge.prompts import prompts_from
from clues.evaluation.judge.tasks import Judge
from clues.models.base import packaged_folder
from tests.helpers.waiting import computed, wait_until

SERVE = "from transformers.cli.transformers import main; main()"
FACTS = {"gout": "a red, swollen toe", "anaemia": "pale skin and fatigue"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory) -> Iterator[str]:
    """`transformers serve` in a process of its own, on a free port, reaching no hub."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    command = [sys.executable, "-c", SERVE, "serve", str(packaged_folder()), "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--device", "cpu"], stdout=out, stderr=subprocess.STDOUT)
    try:
        assert wait_until(lambda: healthy(port), lambda: computed(process.pid)), log.read_text()[-2000:]
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def healthy(port: int) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60):
        return True
    return False


def plan(endpoint: str, output: Path) -> Plan:
    """Two models' answers to two questions; the judge may write 12 tokens."""

    def answers(say: str) -> list[Answer]:
        return [
            Answer(f"{n}-x", f"d{n}", f"What does {ill} bring?", "", f"It brings {sign}.", say.format(sign), 9, True)
            for n, (ill, sign) in enumerate(FACTS.items())
        ]

    judge = Judge(endpoint, str(packaged_folder()), prompts_from([]), {"temperature": 0, "max_tokens": 12})
    return Plan({"base": answers("Nobody knows."), "tuned": answers("It brings {}.")}, "base", judge, output)


def replies(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "replies").iterdir()}


@pytest.mark.slow
def test_a_served_model_judges_end_to_end_and_says_the_same_again(endpoint, tmp_path):
    first, second = plan(endpoint, tmp_path / "first"), plan(endpoint, tmp_path / "second")
    place, manners = Endpoint.at(endpoint, timeout_s=600, offline=True), Manners(concurrency=1)
    cost = judging_cost((task.request for task in first.tasks()), Prices())
    whole = asdict(judge_answers(first, place, manners, lambda *_: None))
    judge_answers(replace(second, only="reference"), place, manners, lambda *_: None)

    kept, same = replies(first.output), replies(second.output)
    assert same.items() <= kept.items()  # greedy
    assert (len(same), len(kept)) == (4, cost.requests) == (4, 8)
    assert whole["requests"] == {"cached": 0, "asked": 8, "failed": 0}
    assert whole["served_by"] == [str(packaged_folder())]
    assert 0 < whole["tokens"]["asked"]["completion_tokens"] <= 8 * 12
    # The template of the chat counts too, and the estimate knows nothing of the tokenizer.
    assert 0.5 < cost.prompt_tokens / whole["tokens"]["asked"]["prompt_tokens"] < 1.5

    lines = [json.loads(line) for line in (first.output / "judgements.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    assert all(line["raw"] for line in lines)
    alone, beside = ([line for line in lines if line["how"] == how] for how in ("reference", "pairs"))
    models = whole["models"].values()
    assert sum(m["judged"] + m["unreadable"] + m["failed"] for m in models) == len(alone) == 4
    assert sum(m["n"] for m in models) == sum(line["status"] == "judged" for line in alone)
    (pair,) = whole["pairs"]
    assert pair["unreadable"] == sum(line["status"] == "unreadable" for line in beside)
    assert pair["failed"] == 0

    again = asdict(judge_answers(first, place, manners, lambda *_: None))
    assert again["requests"] == {"cached": 8, "asked": 0, "failed": 0}
    assert {**again, "requests": 0, "tokens": again["tokens"]["all"]} == {
        **whole, "requests": 0, "tokens": whole["tokens"]["all"],
    }  # fmt: skip

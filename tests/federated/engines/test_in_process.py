"""The apps and the federation over the in-process grid, with clients that have no model."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, Error, Message, MetricRecord, RecordDict, UserConfig

from clues.errors import FederationError, WireError
from clues.federated import federation as module
from clues.federated import flower, line
from clues.federated.client_app import answer, app, error_code
from clues.federated.engines.in_process import InProcessGrid, run_in_process
from clues.federated.federation import Federation
from clues.federated.records import decode_reply, encode_task, task_id
from clues.federated.replies import ClientReply, Failure, ScoreReply, SelectReply, TrainReply
from clues.federated.tasks import Hello, Task, Train
from clues.federated.wire import TaskError
from tests.helpers.clock import Clock
from tests.helpers.toy import SECRET, ToyClient, Toys, score, select, train

NAMES = ["a", "b", "c"]


def greeted(grid: InProcessGrid) -> Federation:
    federation = Federation(grid, len(NAMES))
    federation.hello()
    return federation


def test_a_whole_conversation(tmp_path: Path) -> None:
    def main(federation: Federation) -> list[float]:
        assert set(federation.hello()) == set(NAMES)
        scored = federation.ask(dict.fromkeys(NAMES, score()))
        assert all(isinstance(reply, ScoreReply) and reply.rows == 3 for reply in scored.values())
        selected = federation.ask(dict.fromkeys(NAMES, select()))
        assert all(isinstance(reply, SelectReply) and reply.kept == 2 for reply in selected.values())
        trained = federation.ask({name: train(i) for i, name in enumerate(NAMES)})
        return [float(r.adapter["w"][0, 0]) for r in trained.values() if isinstance(r, TrainReply)]

    assert run_in_process(main, Toys(tmp_path), NAMES) == [1.0, 2.0, 3.0]
    assert (tmp_path / "a" / "calls.txt").read_text().count("\n") == 4, "one client object did all four tasks"
    assert (tmp_path / "a" / "calls.txt").read_text().splitlines()[-1].endswith("4 train")


def test_replies_are_seen_as_they_come(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    seen: list[tuple[str, int]] = []

    def on_reply(name: str, _: ScoreReply | Failure) -> None:
        asked = sum((tmp_path / n / "calls.txt").read_text().count("score") for n in NAMES)
        seen.append((name, asked))

    federation.ask(dict.fromkeys(NAMES, score()), on_reply)
    assert seen == [("a", 1), ("b", 2), ("c", 3)]


def test_asking_some_leaves_the_others_alone(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    assert set(federation.ask({"b": score()})) == {"b"}
    assert "score" not in (tmp_path / "a" / "calls.txt").read_text()


def test_what_an_exchange_cost_is_known(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    federation.ask(dict.fromkeys(["a", "c"], train()))
    cost = dict(federation.exchanges)
    assert set(cost) == {"a", "c"}
    federation.ask({"b": Hello()})
    assert set(federation.exchanges) == {"b"}
    cost |= federation.exchanges
    assert cost["a"].bytes_down > 24 + 128, "an array of six float32, and numpy's header"
    assert cost["a"].bytes_up > 24
    assert cost["a"].bytes_down > cost["b"].bytes_down > 0
    assert cost["a"].seconds > 0


@pytest.mark.parametrize(
    ("act", "code"), [("raise at b", "internal"), ("no rows at b", "no-rows"), ("leak at b", "refused")]
)
def test_a_failure_is_a_code_and_its_text_stays(tmp_path: Path, act: str, code: str) -> None:
    grid = InProcessGrid(Toys(tmp_path, act), NAMES, record=True)
    answers = greeted(grid).ask(dict.fromkeys(NAMES, score()))
    assert {name: answer for name, answer in answers.items() if isinstance(answer, Failure)} == {"b": Failure(code)}
    replies = b"".join(grid.messages[1::2])  # of pushed and pulled, one by one, the pulled
    assert len(grid.messages) == 2 * 2 * len(NAMES)
    for secret in (SECRET, str(tmp_path), "Error", "Traceback", "jsonl"):
        assert secret.encode() not in replies
    assert SECRET in (tmp_path / "b" / "errors.log").read_text()
    assert not (tmp_path / "a" / "errors.log").exists()


def test_a_client_that_cannot_be_built_answers_with_a_code() -> None:
    def broken() -> ToyClient:
        raise OSError("/home/clinic: no such folder")

    assert decode_reply(answer(encode_task(Hello()), broken), Hello(), task_id(Hello(), "")) == Failure("internal")


def test_a_client_that_cannot_log_answers_with_a_code(tmp_path: Path) -> None:
    client = ToyClient("a", tmp_path / "a", "raise at a")
    (tmp_path / "a" / "errors.log").mkdir()
    assert decode_reply(answer(encode_task(score()), lambda: client), score(), task_id(score(), "")) == Failure(
        "internal"
    )


def test_a_client_that_answers_another_task_is_refused_on_its_own_side(tmp_path: Path) -> None:
    class Confused(ToyClient):
        def run(self, task: Task) -> ClientReply:
            return super().run(score() if isinstance(task, Train) else task)

    reply = answer(encode_task(train()), lambda: Confused("a", tmp_path / "a"))
    assert decode_reply(reply, train(), task_id(train(), "")) == Failure("refused")
    assert "the reply lacks 'examples'" in (tmp_path / "a" / "errors.log").read_text()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out-of-memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (FileNotFoundError("rows.jsonl"), "internal"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), "out-of-memory"),
        (TaskError("bad-data", "rows.jsonl:3"), "bad-data"),
        (WireError("scores"), "refused"),
        (KeyError("x"), "internal"),
    ],
)
def test_every_exception_has_a_code(error: Exception, code: str) -> None:
    assert error_code(error) == code


def test_a_deployed_client_without_its_configuration_says_so() -> None:
    node_config: UserConfig = {"data": "/rows.jsonl", "folder": "/out", "name": "Not A Pseudonym"}
    context = Context(run_id=1, node_id=7, node_config=node_config, state=RecordDict(), run_config={})
    flower.become_server()
    message = Message(encode_task(Hello()), 7, "query.hello")
    flower.number(message)
    assert decode_reply(app(message, context).content, Hello(), task_id(Hello(), "")) == Failure("not-configured")


class Faulty(InProcessGrid):
    """A grid with one fault: `silent` never delivers, `dead` answers for a dead node, `forged` changes the reply."""

    fault = "silent"

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        if self.fault == "silent":
            return []
        replies = list(super().pull_messages(message_ids))
        return [self._spoil(reply) if reply.metadata.message_type == "query.score_base" else reply for reply in replies]

    def _spoil(self, reply: Message) -> Message:
        if self.fault == "forged":
            reply.content["numbers"] = MetricRecord({"rows": [0.1, 0.2, 0.3]})
            return reply
        bad = Message(Error(5, "node 77 at 192.0.2.9"), reply_to=reply)
        bad.metadata.__dict__.update(_reply_to_message_id=reply.metadata.reply_to_message_id, _src_node_id=1)
        return bad


@pytest.mark.parametrize(("fault", "code"), [("dead", "unreachable"), ("forged", "bad-reply")])
def test_what_the_server_finds_wrong_is_a_code_too(tmp_path: Path, fault: str, code: str) -> None:
    grid = Faulty(Toys(tmp_path), NAMES)
    grid.fault = fault
    answers = greeted(grid).ask(dict.fromkeys(NAMES, score()))
    assert list(answers.values()) == [Failure(code)] * 3


def test_no_answer_is_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(line, "time", clock)
    grid = Faulty(Toys(tmp_path), NAMES)
    federation = Federation(grid, 3)
    federation.nodes = dict(zip(NAMES, grid.get_node_ids(), strict=True))
    began = clock.now
    assert federation.ask({"a": score()}, timeout=60) == {"a": Failure("late")}
    assert clock.now - began == pytest.approx(60, abs=1)
    began = clock.now
    with pytest.raises(FederationError, match=r"0 online \(none\) of 3 clients after 300 s"):
        Federation(grid, 3).hello(limit=300)
    assert clock.now - began == pytest.approx(300, abs=2)


def test_too_few_clients_are_named(tmp_path: Path) -> None:
    with pytest.raises(FederationError, match=r"3 online \(a, b, c\) of 4 clients"):
        Federation(InProcessGrid(Toys(tmp_path), NAMES), 4).hello(limit=0.1)


class Old(ToyClient):
    """A client of another clues."""

    def run(self, task: Task) -> ClientReply:
        if isinstance(task, Hello):
            raise TaskError("version")
        return super().run(task)


class Registered(InProcessGrid):
    """A grid that knows the second client's key under another name."""

    def get_nodes(self):
        nodes = list(super().get_nodes())
        nodes[1].name = "other"
        return nodes


@pytest.mark.parametrize(
    ("case", "label", "why"),
    [
        ("one too many", "c", "no more than 2 clients"),
        ("one name twice", "another a", "two clients call themselves a"),
        ("not named by the job", "c", r"no client of the job \(a, b, d\)"),
        ("another version", "node 101", "install the server's version"),
        ("another key's name", "other", "the key of other says it is b"),
    ],
)
def test_a_client_that_must_not_take_part_is_named_and_left_out(
    tmp_path: Path, case: str, label: str, why: str
) -> None:
    names = ["a", "b", "a"] if case == "one name twice" else NAMES
    old = case == "another version"
    kind = Registered if case == "another key's name" else InProcessGrid
    grid = kind(lambda name: (Old if old and name == "b" else ToyClient)(name, tmp_path / name), names)
    expected = 2 if case == "one too many" else 3
    federation = Federation(grid, expected, names=["a", "b", "d"] if case == "not named by the job" else ())
    said: list[str] = []
    federation.say = said.append
    assert len(federation.hello(limit=0.5, least=2)) == 2
    assert re.search(why, federation.refused[label])
    assert any(label in text and re.search(why, text) for text in said)
    if case != "one too many":
        with pytest.raises(FederationError, match=f"{label}: .*{why}"):
            Federation(grid, expected, names=federation._names).hello(limit=0.1)


def test_a_stranger_does_not_stand_for_a_client_that_is_still_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    federation = Federation(InProcessGrid(Toys(tmp_path), NAMES), 3, names=["a", "b", "d"])
    began = clock.now
    assert set(federation.hello(limit=300, least=2)) == {"a", "b"}
    assert clock.now - began >= 300, "d is waited for, though c was refused"


def test_a_client_that_comes_later_takes_part_from_then_on(tmp_path: Path) -> None:
    class Slow(InProcessGrid):
        here = 2

        def get_node_ids(self):
            return list(super().get_node_ids())[: self.here]

    grid = Slow(Toys(tmp_path), NAMES)
    federation = Federation(grid, 3)
    assert set(federation.hello(limit=0.1, least=2)) == {"a", "b"}
    assert federation.look() == []
    grid.here = 3
    assert federation.look() == ["c"]
    assert set(federation.ask(dict.fromkeys(federation.nodes, score()))) == {"a", "b", "c"}


def test_one_that_was_unreachable_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Faulty):
        gone = False

        def get_node_ids(self):
            return list(super().get_node_ids())[: 2 if self.gone else 3]

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    grid = Gone(Toys(tmp_path), NAMES)
    grid.fault = "dead"
    federation = greeted(grid)
    federation.ask({"c": score()})
    grid.gone, began = True, clock.now
    assert federation.online == {"a", "b"}
    federation.wait_for_away()
    assert clock.now - began == pytest.approx(180, abs=2)
    federation.wait_for_away()
    assert clock.now - began == pytest.approx(180, abs=2), "it is not waited for again"
    grid.gone = False
    federation.ask({"c": Hello()})
    grid.gone = True
    federation.wait_for_away()
    assert clock.now - began == pytest.approx(180, abs=2), "it has answered since: nobody has missed it yet"


def test_who_is_waited_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "time", Clock())
    grid = Faulty(Toys(tmp_path), NAMES)
    federation, said = Federation(grid, 3), []
    federation.nodes = dict(zip(NAMES, grid.get_node_ids(), strict=True))
    federation.say = said.append
    answers = federation.ask(dict.fromkeys(NAMES, score()), timeout={"a": 100, "b": 300, "c": 300})
    assert set(answers.values()) == {Failure("late")}
    assert said == [
        "still waiting for a, b, c after 1 min; at most 4 min more",
        "still waiting for b, c after 2 min; at most 3 min more",
        "still waiting for b, c after 4 min; at most 1 min more",
    ]


def test_the_engine_is_looked_after_while_waiting(tmp_path: Path) -> None:
    def gone() -> None:
        raise FederationError("the engine is gone")

    with pytest.raises(FederationError, match="engine is gone"):
        Federation(InProcessGrid(Toys(tmp_path), NAMES), 3, check=gone).hello(limit=5)


def test_arrays_pass_through_their_serialised_form(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    task = train(0.1)
    reply = federation.ask({"a": task})["a"]
    assert isinstance(reply, TrainReply)
    assert np.array_equal(reply.adapter["w"], task.adapter["w"] + 1)
    assert not np.shares_memory(reply.adapter["w"], task.adapter["w"])

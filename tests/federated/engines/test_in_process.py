"""The apps and the federation over the in-process grid, with clients that have no model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, Error, Message, RecordDict

from clues.errors import FederationError, WireError
from clues.federated import federation as module
from clues.federated.client_app import answer, app, error_code
from clues.federated.engines.in_process import InProcessGrid, run_in_process
from clues.federated.federation import Federation
from clues.federated.wire import ADAPTER, Result, Task, TaskError, decode_result, encode_task
from tests.helpers.clock import Clock
from tests.helpers.toy import SECRET, ToyClient, Toys, adapter

NAMES = ["a", "b", "c"]


def greeted(grid: InProcessGrid) -> Federation:
    federation = Federation(grid, len(NAMES))
    federation.hello()
    return federation


def test_a_whole_conversation(tmp_path: Path) -> None:
    def main(federation: Federation) -> dict[str, Result]:
        assert set(federation.hello()) == set(NAMES)
        for task in (Task("score"), Task("select")):
            results = federation.ask(dict.fromkeys(NAMES, task))
            assert all(result.numbers["kept"] == 2 for result in results.values())
        return federation.ask({name: Task("train", {}, adapter(i)) for i, name in enumerate(NAMES)})

    trained = run_in_process(main, Toys(tmp_path), NAMES)
    assert [float(trained[name].arrays[ADAPTER + "w"][0, 0]) for name in NAMES] == [1.0, 2.0, 3.0]
    assert (tmp_path / "a" / "calls.txt").read_text().count("\n") == 4, "one client object did all four tasks"
    assert (tmp_path / "a" / "calls.txt").read_text().splitlines()[-1].endswith("4 train")


def test_replies_are_seen_as_they_come(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    seen: list[tuple[str, int]] = []

    def on_reply(name: str, _: Result) -> None:
        asked = sum((tmp_path / n / "calls.txt").read_text().count("score") for n in NAMES)
        seen.append((name, asked))

    federation.ask(dict.fromkeys(NAMES, Task("score")), on_reply)
    assert seen == [("a", 1), ("b", 2), ("c", 3)]


def test_asking_some_leaves_the_others_alone(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    assert set(federation.ask({"b": Task("score")})) == {"b"}
    assert "score" not in (tmp_path / "a" / "calls.txt").read_text()


def test_what_an_exchange_cost_is_known(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    federation.ask({"a": Task("train", {}, adapter()), "b": Task("score")})
    cost = federation.exchanges
    assert set(cost) == {"a", "b"}
    assert cost["a"].bytes_down > 2 * 24 + 128 > 0, "two arrays of six float32, and numpy's headers"
    assert cost["a"].bytes_up > 24
    assert cost["a"].bytes_down > cost["b"].bytes_down > 0
    assert cost["a"].seconds > 0


@pytest.mark.parametrize(
    ("act", "code"), [("raise at b", "internal"), ("no rows at b", "no-rows"), ("leak at b", "refused")]
)
def test_a_failure_is_a_code_and_its_text_stays(tmp_path: Path, act: str, code: str) -> None:
    grid = InProcessGrid(Toys(tmp_path), NAMES, record=True)
    results = greeted(grid).ask(dict.fromkeys(NAMES, Task("score", {"act": act})))
    assert {name: result.error for name, result in results.items()} == {"a": "", "b": code, "c": ""}
    replies = b"".join(grid.messages[1::2])  # of pushed and pulled, one by one, the pulled
    assert len(grid.messages) == 2 * 2 * len(NAMES)
    for secret in (SECRET, str(tmp_path), "Error", "Traceback", "jsonl"):
        assert secret.encode() not in replies
    assert SECRET in (tmp_path / "b" / "errors.log").read_text()
    assert not (tmp_path / "a" / "errors.log").exists()


def test_a_client_that_cannot_be_built_answers_with_a_code() -> None:
    def broken() -> ToyClient:
        raise OSError("/home/clinic: no such folder")

    reply = answer(encode_task(Task("hello")), broken)
    assert decode_result(reply, Task("hello")) == Result(error="internal")


def test_a_client_that_cannot_log_answers_with_a_code(tmp_path: Path) -> None:
    client = ToyClient("a", tmp_path / "a")
    (tmp_path / "a" / "errors.log").mkdir()
    task = Task("score", {"act": "raise at a"})
    assert decode_result(answer(encode_task(task), lambda: client), task) == Result(error="internal")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out-of-memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), "out-of-memory"),
        (TaskError("bad-data", "rows.jsonl:3"), "bad-data"),
        (WireError("scores"), "refused"),
        (KeyError("x"), "internal"),
    ],
)
def test_every_exception_has_a_code(error: Exception, code: str) -> None:
    assert error_code(error) == code


def test_a_deployed_client_without_its_configuration_says_so() -> None:
    node_config = {"data": "/rows.jsonl", "folder": "/out", "name": "Not A Pseudonym"}
    context = Context(run_id=1, node_id=7, node_config=node_config, state=RecordDict(), run_config={})
    InProcessGrid(Toys(Path()), [])  # sets who sends
    message = Message(encode_task(Task("hello")), 7, "query.hello")
    message.metadata.__dict__["_message_id"] = "m"
    assert decode_result(app(message, context).content, Task("hello")).error == "not-configured"


class Faulty(InProcessGrid):
    """A grid with one fault: `silent` never delivers, `dead` answers for a dead node, `forged` changes the reply."""

    fault = "silent"

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        if self.fault == "silent":
            return []
        replies = list(super().pull_messages(message_ids))
        return [self._spoil(reply) if reply.metadata.message_type == "query.score" else reply for reply in replies]

    def _spoil(self, reply: Message) -> Message:
        if self.fault == "forged":
            reply.content["numbers"]["kept"] = [0.1, 0.2, 0.3]
            return reply
        bad = Message(Error(5, "node 77 at 192.0.2.9"), reply_to=reply)
        bad.metadata.__dict__.update(_reply_to_message_id=reply.metadata.reply_to_message_id, _src_node_id=1)
        return bad


@pytest.mark.parametrize(("fault", "code"), [("dead", "unreachable"), ("forged", "bad-reply")])
def test_what_the_server_finds_wrong_is_a_code_too(tmp_path: Path, fault: str, code: str) -> None:
    grid = Faulty(Toys(tmp_path), NAMES)
    grid.fault = fault
    results = greeted(grid).ask(dict.fromkeys(NAMES, Task("score")))
    assert [result.error for result in results.values()] == [code] * 3


def test_no_answer_is_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    grid = Faulty(Toys(tmp_path), NAMES)
    federation = Federation(grid, 3)
    federation.nodes = dict(zip(NAMES, grid.get_node_ids(), strict=True))
    began = clock.now
    assert federation.ask({"a": Task("score")}, timeout=60) == {"a": Result(error="late")}
    assert clock.now - began == pytest.approx(60, abs=1)
    began = clock.now
    with pytest.raises(FederationError, match=r"0 online \(none\) of 3 clients after 300 s"):
        Federation(grid, 3).hello(limit=300)
    assert clock.now - began == pytest.approx(300, abs=2)


def test_too_few_clients_are_named(tmp_path: Path) -> None:
    with pytest.raises(FederationError, match=r"3 online \(a, b, c\) of 4 clients"):
        Federation(InProcessGrid(Toys(tmp_path), NAMES), 4).hello(limit=0.1)


def test_too_many_clients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FederationError, match="more than the 2 clients"):
        Federation(InProcessGrid(Toys(tmp_path), NAMES), 2).hello(limit=5)


def test_two_clients_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FederationError, match="two clients call themselves a"):
        Federation(InProcessGrid(Toys(tmp_path), ["a", "b", "a"]), 3).hello(limit=5)


def test_a_client_that_the_job_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FederationError, match=r"c is online and no client of the job \(a, b, d\)"):
        Federation(InProcessGrid(Toys(tmp_path), NAMES), 3, names=["a", "b", "d"]).hello(limit=5)


def test_a_client_that_cannot_take_part_stops_the_run(tmp_path: Path) -> None:
    class Mute(ToyClient):
        def run(self, _: Task) -> Result:
            return Result({"rows": 3})

    with pytest.raises(FederationError, match="cannot take part"):
        Federation(InProcessGrid(lambda name: Mute(name, tmp_path / name), NAMES), 3).hello(limit=5)


def test_a_name_that_is_not_the_keys_is_refused(tmp_path: Path) -> None:
    class Registered(InProcessGrid):
        def get_nodes(self):
            nodes = list(super().get_nodes())
            nodes[1].name = "other"
            return nodes

    with pytest.raises(FederationError, match="the key of other says it is b"):
        Federation(Registered(Toys(tmp_path), NAMES), 3).hello(limit=5)


def test_the_engine_is_looked_after_while_waiting(tmp_path: Path) -> None:
    def gone() -> None:
        raise FederationError("the engine is gone")

    with pytest.raises(FederationError, match="engine is gone"):
        Federation(InProcessGrid(Toys(tmp_path), NAMES), 3, check=gone).hello(limit=5)


def test_arrays_pass_through_their_serialised_form(tmp_path: Path) -> None:
    federation = greeted(InProcessGrid(Toys(tmp_path), NAMES))
    arrays = adapter(0.1)
    result = federation.ask({"a": Task("train", {}, arrays)})["a"]
    assert np.array_equal(result.arrays[ADAPTER + "w"], arrays[ADAPTER + "w"] + 1)
    assert not np.shares_memory(result.arrays[ADAPTER + "w"], arrays[ADAPTER + "w"])

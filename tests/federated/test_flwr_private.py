"""The private parts of Flower that federated/flower.py stands on. If one of these fails after an upgrade of flwr,
Flower has moved something: mend flower.py, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from flwr.app import ConfigRecord, Message, RecordDict

import clues
from clues.federated import flower
from clues.federated.wire import ERROR_CODES

PUBLIC = {"flwr.app", "flwr.clientapp", "flwr.serverapp", "flwr.simulation"}


@pytest.fixture
def message() -> Message:
    flower.become_server()
    return Message(RecordDict({"settings": ConfigRecord({"steps": 4, "note": ""})}), 7, "query.score")


def test_a_message_of_the_server_comes_from_the_super_link(message: Message) -> None:
    assert message.metadata.src_node_id == 1


def test_a_message_can_be_given_an_id(message: Message) -> None:
    assert flower.number(message) == message.metadata.message_id != ""
    reply = Message(RecordDict(), reply_to=message)
    assert reply.metadata.reply_to_message_id == message.metadata.message_id


def test_a_message_can_be_packed_and_unpacked(message: Message) -> None:
    flower.number(message)
    again = flower.unpacked(flower.packed(message))
    assert again.content == message.content
    assert again.metadata.message_id == message.metadata.message_id


def test_a_contents_bytes_are_counted() -> None:
    small, large = (RecordDict({"a": ConfigRecord({"text": "x" * n})}) for n in (10, 1000))
    assert flower.content_bytes(large) - flower.content_bytes(small) >= 990


def test_a_crash_and_every_code_are_codes_of_the_wire(message: Message) -> None:
    flower.number(message)
    crash = flower.crashed_reply(message, RuntimeError("why"))
    assert flower.CODES[crash.error.code] == "crashed"
    assert set(flower.CODES.values()) <= set(ERROR_CODES)
    assert sorted(flower.CODES) == [1, 2, 3, 4, 5, 7], "the numbers that go over the wire"


def test_simulated_clients_are_named_after_flowers_actor() -> None:
    from flwr.simulation.ray_transport import ray_actor

    actor = flower.CLIENT_PROCESS.removeprefix("ray::")
    assert hasattr(ray_actor, actor)


def test_no_other_module_uses_a_private_part() -> None:
    source = Path(clues.__file__).parent
    for file in source.rglob("*.py"):
        if file.name == "flower.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            private = [name for name in names if name.split(".")[0] == "flwr" and name not in PUBLIC]
            assert not private, f"{file.relative_to(source)} imports {private[0]}: use federated/flower.py"

"""The private parts of Flower that clues stands on, all of them here; `tests/federated/test_flwr_private.py` says when
a new Flower has moved one.

Its public packages are `flwr.app`, `flwr.clientapp`, `flwr.serverapp` and `flwr.simulation`: any module may use them.
"""

from __future__ import annotations

import secrets

from flwr.app import Error, Message, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.common.serde import message_from_proto, message_to_proto, recorddict_to_proto
from flwr.proto.message_pb2 import Message as MessageProto
from flwr.supercore.task_identity import TaskIdentity

CODES = {
    ErrorCode.LOAD_CLIENT_APP_EXCEPTION: "bad-app",
    ErrorCode.CLIENT_APP_RAISED_EXCEPTION: "crashed",
    ErrorCode.MESSAGE_UNAVAILABLE: "unreachable",
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE: "unreachable",
    ErrorCode.NODE_UNAVAILABLE: "unreachable",
    ErrorCode.INVALID_FAB: "bad-app",
}
"""Flower's error codes in those of the wire; any other is a crash. The text beside a code is never read."""

CLIENT_PROCESS = "ray::ClientAppActor"
"""How the title of a simulated client's process begins: Ray names it after Flower's actor."""


def content_bytes(content: RecordDict) -> int:
    """Bytes of a message's content, serialised. (`count_bytes` of Flower 1.42 fails on empty strings.)"""
    return recorddict_to_proto(content).ByteSize()


def become_server() -> None:
    """Let new messages come from the server: Flower reads their sender from a record of the whole process."""
    TaskIdentity.run_id, TaskIdentity.task_id, TaskIdentity.node_id = 1, 1, SUPERLINK_NODE_ID


def number(message: Message) -> str:
    """Give a message the id that a SuperLink would, and return it."""
    message.metadata.__dict__["_message_id"] = secrets.token_hex(8)
    return message.metadata.message_id


def crashed_reply(message: Message, error: BaseException) -> Message:
    """What Flower answers when a client's app raises."""
    return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, str(error)), reply_to=message)


def packed(message: Message) -> bytes:
    """A message as it travels."""
    return message_to_proto(message).SerializeToString()


def unpacked(message: bytes) -> Message:
    """The inverse of `packed`."""
    return message_from_proto(MessageProto.FromString(message))

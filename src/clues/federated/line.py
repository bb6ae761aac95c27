"""Tasks to nodes and their answers, over Flower's grid: every wait has an end, and every answer is seen at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flwr.app import Message
from flwr.serverapp import Grid

from clues.federated.flower import CODES, content_bytes
from clues.federated.records import decode_reply, encode_task, message_type, task_id
from clues.federated.replies import ClientReply, Failure
from clues.federated.tasks import Task
from clues.federated.wire import UnfitReply

R = TypeVar("R", bound=ClientReply)
_FIRST_WORD = 60.0
"""Seconds until it is first said who is waited for; then after twice as long, and so on."""


@dataclass
class Exchange:
    """What talking to one client cost: seconds from question to answer, bytes of the contents both ways."""

    seconds: float = 0.0
    bytes_down: int = 0
    bytes_up: int = 0


@dataclass(frozen=True)
class Asked(Generic[R]):
    """A task for one node, and the most seconds until it must have answered."""

    task: Task[R]
    seconds: float


@dataclass
class _Pending(Generic[R]):
    node: int
    asked: Asked[R]
    id: str
    exchange: Exchange


@dataclass(frozen=True)
class Line:
    """The way to the nodes of a grid."""

    grid: Grid
    job: str = ""
    """The job's hash: an answer to another job's task is none."""
    check: Callable[[], None] = lambda: None
    """Called during every wait; raises when the engine under the grid is gone."""
    waiting: Callable[[list[int], float, float], None] = field(default=lambda _nodes, _waited, _left: None)
    """Told now and then of whom is waited for, for how many seconds, and how many they have left."""

    def ask(self, asked: Mapping[int, Asked[R]], take: Callable[[int, R | Failure, Exchange], None]) -> None:
        """Push each node its task and pull answers until all have come or their time is up; `take` each once."""
        pending = self._push(asked, take)
        began, word = time.monotonic(), _FIRST_WORD
        while pending:
            waited = time.monotonic() - began
            for id in [id for id, one in pending.items() if waited >= one.asked.seconds]:
                one = pending.pop(id)
                one.exchange.seconds = waited
                take(one.node, Failure("late"), one.exchange)
            if waited >= word and pending:
                left = max(one.asked.seconds for one in pending.values()) - waited
                self.waiting([one.node for one in pending.values()], waited, left)
                word *= 2
            self.check()
            if not self._pull(pending, began, take) and pending:
                time.sleep(min(1.0, max(0.01, waited / 20)))

    def _push(
        self, asked: Mapping[int, Asked[R]], take: Callable[[int, R | Failure, Exchange], None]
    ) -> dict[str, _Pending[R]]:
        pending: dict[str, _Pending[R]] = {}
        for node, one in asked.items():
            content = encode_task(one.task, self.job)
            exchange = Exchange(bytes_down=content_bytes(content))
            # One by one: a grid that refuses a message then cannot shift the ids of the others.
            message = Message(content, node, message_type(one.task.name), ttl=one.seconds)
            ids = list(self.grid.push_messages([message]))
            if ids and ids[0]:
                pending[ids[0]] = _Pending(node, one, task_id(one.task, self.job), exchange)
            else:
                take(node, Failure("unreachable"), exchange)
        return pending

    def _pull(
        self, pending: dict[str, _Pending[R]], began: float, take: Callable[[int, R | Failure, Exchange], None]
    ) -> bool:
        """Take the answers that are there; whether any was."""
        replies = list(self.grid.pull_messages(list(pending))) if pending else []
        for reply in replies:
            # A dead node's error comes from the SuperLink: only the id tells whose reply it is.
            one = pending.pop(reply.metadata.reply_to_message_id, None)
            if one is None:
                continue
            one.exchange.seconds = time.monotonic() - began
            one.exchange.bytes_up = content_bytes(reply.content) if reply.has_content() else 0
            take(one.node, read(reply, one.asked.task, one.id), one.exchange)
        return bool(replies)


def read(reply: Message, task: Task[R], id: str) -> R | Failure:
    """The answer in a message, whatever is in it."""
    if reply.has_error():
        return Failure(CODES.get(reply.error.code, "crashed"))
    try:
        return decode_reply(reply.content, task, id)
    except UnfitReply as error:
        return Failure("bad-reply", str(error))
    except Exception:  # what breaks our reading of it is as bad, and must not end the run
        return Failure("bad-reply")

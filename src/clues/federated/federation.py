"""The server's view of the clients: who is there, ask each something, take the answers as they come.

Built on Flower's `push_messages` and `pull_messages`, so that every wait has an end and every reply is seen at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flwr.app import Message
from flwr.serverapp import Grid

from clues.errors import FederationError, WireError
from clues.federated.flower import CODES, content_bytes
from clues.federated.records import decode_reply, encode_task, message_type
from clues.federated.replies import ClientReply, Failure, HelloReply
from clues.federated.tasks import Hello, Task

R = TypeVar("R", bound=ClientReply)

_AWAY = ("unreachable", "late")
_GREETING_SECONDS = 120.0
"""A client that is online answers `hello` within this time: its process starts, imports clues and reads its data."""


@dataclass
class Exchange:
    """What talking to one client cost: seconds from question to answer, bytes of the contents both ways."""

    seconds: float = 0.0
    bytes_down: int = 0
    bytes_up: int = 0


class Federation:
    """The clients behind a Flower grid, by name.

    `nodes` maps names to node ids after `hello`; `exchanges` holds the cost of the latest `ask` for each client asked.
    """

    def __init__(
        self,
        grid: Grid,
        expected: int,
        timeout: float = 3600.0,
        check: Callable[[], None] = lambda: None,
        names: Collection[str] = (),
    ) -> None:
        """`expected` clients take part; `timeout` is the most seconds one answer may take.

        `check` is called during every wait and raises when the engine under the grid is gone. `names`, if given, are
        the only names that clients may have.
        """
        self.grid, self.expected, self.timeout, self._check, self._names = grid, expected, timeout, check, names
        self.nodes: dict[str, int] = {}
        self.exchanges: dict[str, Exchange] = {}

    def hello(self, progress: Callable[[int, int], None] | None = None, limit: float = 600.0) -> dict[str, int]:
        """Wait until the expected clients are online and have said their names; name -> node id.

        `progress(present, expected)` is told whenever another client is there. Raises FederationError for a name
        taken twice, unknown to the job or not the one its key is registered under, a client that cannot take part,
        more clients than expected, or too few after `limit` seconds.
        """
        deadline = time.monotonic() + limit
        while True:
            online = {node.node_id: node.name for node in self.grid.get_nodes()}
            new = {node: name for node, name in online.items() if node not in self.nodes.values()}
            if new and self._greet(new, min(_GREETING_SECONDS, deadline - time.monotonic())) and progress:
                progress(len(self.nodes), self.expected)
            if len(self.nodes) > self.expected:
                raise FederationError(
                    f"{self._who()}: more than the {self.expected} clients of the job; stop the others"
                )
            if len(self.nodes) == self.expected:
                return dict(self.nodes)
            if time.monotonic() >= deadline:
                raise FederationError(
                    f"{self._who()} of {self.expected} clients after {limit:.0f} s; start the others and resume the run"
                )
            self._check()
            time.sleep(0.1)

    def ask(
        self,
        tasks: Mapping[str, Task[R]],
        on_reply: Callable[[str, R | Failure], None] | None = None,
        timeout: float | None = None,
    ) -> dict[str, R | Failure]:
        """Send each named client its task and wait for all answers, at most `timeout` seconds; name -> answer.

        `on_reply(name, answer)` is called as each answer comes. That of a client that fails, is away or late is a
        Failure; nothing is raised for it.
        """
        names = {self.nodes[name]: name for name in tasks}
        answers: dict[str, R | Failure] = {}
        self.exchanges = {}

        def take(node: int, answer: R | Failure, exchange: Exchange) -> None:
            answers[names[node]], self.exchanges[names[node]] = answer, exchange
            if on_reply is not None:
                on_reply(names[node], answer)

        self._talk({self.nodes[name]: task for name, task in tasks.items()}, take, timeout or self.timeout)
        return {name: answers[name] for name in tasks}

    def _greet(self, nodes: Mapping[int, str], seconds: float) -> bool:
        """Ask nodes (id -> the name its key was registered under, or none) for their names; whether any gave one.

        One that is away now may come later.
        """
        before = len(self.nodes)

        def take(node: int, answer: HelloReply | Failure, _: Exchange) -> None:
            if isinstance(answer, Failure):
                if answer.code not in _AWAY:
                    raise FederationError(f"a client cannot take part: {answer.meaning}")
                return
            name = answer.name
            if nodes[node] and nodes[node] != name:
                raise FederationError(f"the client with the key of {nodes[node]} says it is {name}; set its name")
            if self._names and name not in self._names:
                raise FederationError(
                    f"{name} is online and no client of the job ({', '.join(self._names)}); stop it and resume"
                )
            if name in self.nodes:
                raise FederationError(f"two clients call themselves {name}; give each its own name and resume")
            self.nodes[name] = node

        self._talk(dict.fromkeys(nodes, Hello()), take, max(seconds, 1.0))
        return len(self.nodes) > before

    def _who(self) -> str:
        return f"{len(self.nodes)} online ({', '.join(sorted(self.nodes)) or 'none'})"

    def _talk(
        self, tasks: Mapping[int, Task[R]], take: Callable[[int, R | Failure, Exchange], None], timeout: float
    ) -> None:
        """Push each node its task, pull replies until all have come or time is up; `take` each once."""
        pending: dict[str, tuple[int, Task[R], Exchange]] = {}
        began = time.monotonic()
        for node, task in tasks.items():
            content = encode_task(task)
            exchange = Exchange(bytes_down=content_bytes(content))
            # One by one: a grid that refuses a message then cannot shift the ids of the others.
            ids = list(self.grid.push_messages([Message(content, node, message_type(task.name), ttl=timeout)]))
            if ids and ids[0]:
                pending[ids[0]] = (node, task, exchange)
            else:
                take(node, Failure("unreachable"), exchange)
        while pending and (waited := time.monotonic() - began) < timeout:
            self._check()
            replies = list(self.grid.pull_messages(list(pending)))
            for reply in replies:
                # A dead node's error comes from the SuperLink: only the id tells whose reply it is.
                node, task, exchange = pending.pop(reply.metadata.reply_to_message_id)
                exchange.seconds = time.monotonic() - began
                exchange.bytes_up = content_bytes(reply.content) if reply.has_content() else 0
                take(node, _read(reply, task), exchange)
            if not replies:
                time.sleep(min(1.0, max(0.01, waited / 20)))
        for node, _, exchange in pending.values():
            exchange.seconds = timeout
            take(node, Failure("late"), exchange)


def _read(reply: Message, task: Task[R]) -> R | Failure:
    if reply.has_error():
        return Failure(CODES.get(reply.error.code, "crashed"))
    try:
        return decode_reply(reply.content, task)
    except WireError:
        return Failure("bad-reply")

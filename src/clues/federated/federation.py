"""The server's view of the clients: who is there, ask each something, take the answers as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from flwr.serverapp import Grid

from clues.errors import FederationError
from clues.federated.line import Asked, Exchange, Line
from clues.federated.replies import ClientReply, Failure, HelloReply
from clues.federated.tasks import Hello, Task

R = TypeVar("R", bound=ClientReply)

_AWAY = ("unreachable", "late")
_GREETING_SECONDS = 600.0
"""A client that is online answers `hello` within this time: its process starts, imports clues and loads the model."""
_GRACE_SECONDS = 180.0
"""A client that is gone for good costs the others this once."""
_REFUSED_SECONDS = 300.0
"""One that was refused is asked again after this time: its owner may have put right what was wrong."""


class Federation:
    """The clients behind a Flower grid, by name.

    `nodes` maps names to node ids after `hello`; `exchanges` holds the cost of the latest `ask` for each client asked;
    `refused` says of clients that are online and take no part, why.
    """

    def __init__(
        self,
        grid: Grid,
        expected: int,
        timeout: float = 3600.0,
        check: Callable[[], None] = lambda: None,
        names: Collection[str] = (),
    ) -> None:
        """`expected` clients take part; `timeout` is the most seconds one answer may take where `ask` names none.

        `check` is called during every wait and raises when the engine under the grid is gone. `names`, if given, are
        the only names that clients may have.
        """
        self.grid, self.expected, self.timeout, self._check, self._names = grid, expected, timeout, check, names
        self.nodes: dict[str, int] = {}
        self.exchanges: dict[str, Exchange] = {}
        self.refused: dict[str, str] = {}
        self.say: Callable[[str], None] = lambda _text: None
        """Told what a person should know: who is refused, away, or waited for."""
        self.greeting = Hello()
        """What clients are asked first; it has this side's version and model, which they compare with theirs."""
        self._away: dict[str, float] = {}
        self._refused_nodes: dict[int, float] = {}
        self._gone: set[int] = set()
        self.job = ""
        """The job's hash: an answer to another job's task is none."""

    def hello(
        self, progress: Callable[[int, int], None] | None = None, limit: float = 600.0, least: int | None = None
    ) -> dict[str, int]:
        """Wait until the expected clients are online and have said their names; name -> node id.

        `progress(present, expected)` is told whenever another client is there. A client that cannot take part, or must
        not, is named in `refused` and left out. After `limit` seconds, or once all others were refused, `least`
        clients (all, unless given) are enough. Raises FederationError where there are fewer.
        """
        least = self.expected if least is None else least
        deadline = time.monotonic() + limit
        while True:
            if self._greet(self._newcomers(), max(deadline - time.monotonic(), 1.0)) and progress:
                progress(len(self.nodes), self.expected)
            if len(self.nodes) == self.expected:
                return dict(self.nodes)
            out = [label for label in self.refused if not self._names or label in self._names]
            nobody_to_come = len(self.nodes) + len(out) >= self.expected and len(self.nodes) >= least
            if nobody_to_come or time.monotonic() >= deadline:
                return self._enough(least, limit)
            self._check()
            time.sleep(0.1)

    def look(self) -> list[str]:
        """Clients that have come, or come back under another id, since the last look; they take part from now on."""
        before = dict(self.nodes)
        if self._greet(self._newcomers(), _GREETING_SECONDS):
            return [name for name, node in self.nodes.items() if before.get(name) != node]
        return []

    @property
    def online(self) -> set[str]:
        """Clients whose node is there."""
        here = {node.node_id for node in self.grid.get_nodes()}
        return {name for name, node in self.nodes.items() if node in here}

    def wait_for_away(self) -> None:
        """Wait for clients that were unreachable to come back, until _GRACE_SECONDS after each was first missed: a
        SuperNode that is started again is let in when its old heartbeat has expired, after about a minute."""
        told = False
        while away := self._awaited():
            if not told:
                self.say(f"waiting up to {_GRACE_SECONDS / 60:.0f} min for {', '.join(away)} to come back")
            told = True
            self._check()
            time.sleep(1.0)

    def _awaited(self) -> list[str]:
        now = time.monotonic()
        recent = [name for name, since in self._away.items() if now - since < _GRACE_SECONDS]
        return [name for name in recent if name not in self.online] if recent else []

    def ask(
        self,
        tasks: Mapping[str, Task[R]],
        on_reply: Callable[[str, R | Failure], None] | None = None,
        timeout: float | Mapping[str, float] | None = None,
    ) -> dict[str, R | Failure]:
        """Send each named client its task and wait for all answers, at most `timeout` seconds (for all, or for each by
        name); name -> answer.

        `on_reply(name, answer)` is called as each answer comes. That of a client that fails, is away or late is a
        Failure; nothing is raised for it.
        """
        names = {self.nodes[name]: name for name in tasks}
        answers: dict[str, R | Failure] = {}
        self.exchanges = {}

        def take(node: int, answer: R | Failure, exchange: Exchange) -> None:
            answers[names[node]], self.exchanges[names[node]] = answer, exchange
            if answer == Failure("unreachable"):
                self._away.setdefault(names[node], time.monotonic())
            else:
                self._away.pop(names[node], None)
            if on_reply is not None:
                on_reply(names[node], answer)

        def seconds(name: str) -> float:
            return timeout.get(name, self.timeout) if isinstance(timeout, Mapping) else timeout or self.timeout

        self._line.ask({self.nodes[name]: Asked(task, seconds(name)) for name, task in tasks.items()}, take)
        return {name: answers[name] for name in tasks}

    @property
    def _line(self) -> Line:
        return Line(self.grid, self.job, self._check, self._say_waiting)

    def _newcomers(self) -> dict[int, str]:
        """Nodes that have not said their names: id -> the name that its key was registered under, or none."""
        online = {node.node_id: node.name for node in self.grid.get_nodes()}
        now = time.monotonic()
        self._refused_nodes = {n: t for n, t in self._refused_nodes.items() if n in online and now < t}
        self._gone = set(self.nodes.values()) - set(online)
        known = set(self.nodes.values()) | set(self._refused_nodes)
        return {node: name for node, name in online.items() if node not in known}

    def _greet(self, nodes: Mapping[int, str], seconds: float) -> bool:
        """Ask nodes for their names; whether any gave one. One that is away now may come later."""
        before = dict(self.nodes)

        def take(node: int, answer: HelloReply | Failure, _: Exchange) -> None:
            label = nodes[node] or f"node {node}"
            if isinstance(answer, Failure):
                if answer.code not in _AWAY:
                    self._refuse(node, label, f"it cannot take part: {answer.meaning}")
            elif why := self._why_not(nodes[node], answer.name):
                self._refuse(node, label if nodes[node] else answer.name, why)
            else:
                self.nodes[answer.name] = node
                self.refused.pop(answer.name, None)
                self.refused.pop(label, None)

        if nodes:
            self._line.ask(dict.fromkeys(nodes, Asked(self.greeting, min(seconds, _GREETING_SECONDS))), take)
        return self.nodes != before

    def _why_not(self, registered: str, name: str) -> str:
        """Why a client of this name takes no part; empty if it does."""
        if registered and registered != name:
            return f"the client with the key of {registered} says it is {name}; set its name"
        if self._names and name not in self._names:
            return f"it is no client of the job ({', '.join(self._names)})"
        if name in self.nodes and self.nodes[name] not in self._gone:
            return f"two clients call themselves {name}; give each its own name"
        if name not in self.nodes and len(self.nodes) >= self.expected:
            return f"the job has no more than {self.expected} clients"
        return ""

    def _refuse(self, node: int, label: str, why: str) -> None:
        self._refused_nodes[node] = time.monotonic() + _REFUSED_SECONDS
        if label in self.nodes:
            label = f"another {label}"
        if self.refused.get(label) != why:
            self.refused[label] = why
            self.say(f"{label} is left out: {why}")

    def _enough(self, least: int, limit: float) -> dict[str, int]:
        """Go on with those that are here. Raises FederationError where they are too few."""
        here = f"{len(self.nodes)} online ({', '.join(sorted(self.nodes)) or 'none'}) of {self.expected} clients"
        left_out = "".join(f"; {label}: {why}" for label, why in self.refused.items())
        if len(self.nodes) < max(least, 1):
            raise FederationError(f"{here} after {limit:.0f} s{left_out}; start the others and resume the run")
        self.say(f"the run goes on with {here}{left_out}; others take part when they come")
        return dict(self.nodes)

    def _say_waiting(self, nodes: list[int], waited: float, left: float) -> None:
        names = sorted(name for name, node in self.nodes.items() if node in nodes) or [f"{len(nodes)} nodes"]
        self.say(f"still waiting for {', '.join(names)} after {waited / 60:.0f} min; at most {left / 60:.0f} min more")

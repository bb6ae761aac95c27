"""A grid that runs the clients in this very process, one by one: no Ray, no network, the same apps and wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TypeVar

from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid

from clues.federated import flower
from clues.federated.client_app import Client, make_client_app
from clues.federated.federation import Federation

T = TypeVar("T")


class InProcessGrid(Grid):
    """Runs a message's client when its reply is pulled; every message passes through its serialised form.

    `client_for(name)` builds a client, once for each name. With `record`, `messages` keeps every message's bytes, in
    order, both ways.
    """

    def __init__(self, client_for: Callable[[str], Client], clients: Sequence[str], record: bool = False) -> None:
        self.messages: list[bytes] = []
        self._record = record
        warm = cache(client_for)
        self._app = make_client_app(lambda context: warm(str(context.node_config["name"])))
        self._contexts = {
            node: Context(run_id=1, node_id=node, node_config={"name": name}, state=RecordDict(), run_config={})
            for node, name in enumerate(clients, start=100)
        }
        self._waiting: dict[str, Message] = {}
        flower.become_server()

    def get_node_ids(self) -> Iterable[int]:
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        for message in messages:
            ids.append(flower.number(message))
            self._waiting[ids[-1]] = self._through_the_wire(message)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The reply to the first of `message_ids` that waits: one a call, so that each is seen as it comes."""
        for message_id in message_ids:
            if message_id in self._waiting:
                return [self._through_the_wire(self._reply(self._waiting.pop(message_id)))]
        return []

    def _reply(self, message: Message) -> Message:
        try:
            return self._app(message, self._contexts[message.metadata.dst_node_id])
        except Exception as error:
            return flower.crashed_reply(message, error)

    def _through_the_wire(self, message: Message) -> Message:
        packed = flower.packed(message)
        if self._record:
            self.messages.append(packed)
        return flower.unpacked(packed)

    def set_run(self, run) -> None:
        raise NotImplementedError("an in-process grid belongs to no run")

    @property
    def run(self):
        raise NotImplementedError("an in-process grid belongs to no run")

    def create_message(self, content, message_type, dst_node_id, group_id, ttl=None) -> Message:
        raise NotImplementedError("flwr.app.Message creates messages")

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        raise NotImplementedError("Federation pushes and pulls")


def run_in_process(
    server_main: Callable[[Federation], T], client_for: Callable[[str], Client], clients: Sequence[str]
) -> T:
    """Run a server with its clients in this process; what `simulate` does on Ray. Returns what `server_main` does."""
    return server_main(Federation(InProcessGrid(client_for, clients), len(clients)))

"""A federation on Flower's simulation engine, with client processes of its own that stay warm, and no network.

The engine runs on a thread and the server's code on the caller's: exceptions and Ctrl-C arrive where they belong.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import psutil
from flwr.app import Context
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from clues.errors import FederationError
from clues.federated.client_app import Client, make_client_app
from clues.federated.engines.ray_cluster import (
    ClusterSettings,
    backend,
    client_processes,
    orderly_end,
    private_folder,
    quiet,
)
from clues.federated.federation import Federation

T = TypeVar("T")

_warm: dict[str, Client] = {}
"""The clients of this worker process, by name: a model that one loaded serves its next task. A process lives no
longer than its simulation."""


def simulate(
    server_main: Callable[[Federation], T],
    client_for: Callable[[str], Client],
    clients: Sequence[str],
    cpus: int,
    timeout: float = 3600.0,
) -> T:
    """Run `server_main` with a simulated federation of `clients`, and return what it returns.

    `client_for(name)` builds a client in a worker process, once in each process that gets a task of that client; it
    is pickled, so let it be a function or dataclass of a module. As many clients as fit run at once on `cpus` CPUs,
    with equal shares. `timeout`: the most seconds one answer may take. Raises what `server_main` raises, and
    FederationError if the engine fails or a client's process dies. No process is left behind, whatever happens; if
    this one is killed outright, Ray's last helpers end some seconds later.
    """
    with private_folder() as folder, quiet(), orderly_end():
        engine = _Engine(client_for, clients, cpus, folder)
        greeted: Mapping[str, int] = {}
        try:
            federation = Federation(engine.grid(), len(clients), timeout, engine.check)
            greeted = federation.nodes
            return server_main(federation)
        except BaseException:
            # Once greeted, clients may be busy for long, and are not waited for. Before that, Ray is starting,
            # which is best left alone: the engine ends by itself as soon as it is up.
            if greeted:
                engine.kill()
            raise
        finally:
            engine.stop()


@dataclass(frozen=True)
class _NumberedClients:
    """Flower numbers its simulated nodes; this maps a number to its client, warm if it was there before."""

    client_for: Callable[[str], Client]
    clients: tuple[str, ...]

    def __call__(self, context: Context) -> Client:
        name = self.clients[int(context.node_config["partition-id"])]
        if name not in _warm:
            _warm[name] = self.client_for(name)
        return _warm[name]


class _Engine:
    """Flower's engine on a thread. Its ServerApp does no more than hand its grid over and wait for the end."""

    def __init__(self, client_for: Callable[[str], Client], clients: Sequence[str], cpus: int, folder: str) -> None:
        self._grid: Future[Grid] = Future()
        self._done = threading.Event()
        self._failure: BaseException | None = None
        self._seen = 0
        client_app = make_client_app(_NumberedClients(client_for, tuple(clients)))
        settings = backend(len(clients), cpus, folder)
        self._thread = threading.Thread(target=self._run, args=(client_app, len(clients), settings), daemon=True)
        self._thread.start()

    def grid(self) -> Grid:
        return self._grid.result()

    def check(self) -> None:
        """Raise FederationError if the engine has stopped or a client process has died.

        A dead process stays in Flower's pool, where it fails the tasks of healthy clients too: better stop at once.
        """
        if not self._thread.is_alive():
            raise FederationError("the simulation engine stopped; resume the run") from self._failure
        alive = len(client_processes())
        if alive < self._seen:
            raise FederationError(
                "a client's process died, most often for lack of memory; run fewer clients at once and resume the run"
            )
        self._seen = alive

    def kill(self) -> None:
        """Kill the client processes, whatever they do. The engine takes each for a failed task and ends."""
        self._done.set()
        for process in client_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def stop(self) -> None:
        """End the engine. A client still busy with a task that was given up is killed."""
        self._done.set()
        self._thread.join(20)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(20)

    def _run(self, client_app: ClientApp, number: int, settings: ClusterSettings) -> None:
        from flwr.simulation import run_simulation

        server_app = ServerApp()

        @server_app.main()
        def _hand_over(grid: Grid, _: Context) -> None:
            self._grid.set_result(grid)
            self._done.wait()

        try:
            run_simulation(server_app, client_app, number, backend_config=settings)
        except BaseException as error:
            self._failure = error
            if not self._grid.done():
                self._grid.set_exception(FederationError(f"the simulation engine cannot start: {error}"))

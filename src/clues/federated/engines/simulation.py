"""A federation on Flower's simulation engine, with client processes of its own that stay warm, and no network.

The engine runs on a thread and the server's code on the caller's: exceptions and Ctrl-C arrive where they belong.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import psutil
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from clues.errors import FederationError
from clues.federated.client_app import Client, make_client_app
from clues.federated.federation import Federation
from clues.federated.flower import CLIENT_PROCESS

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
    with _private_folder() as folder, _quiet(), _orderly_end():
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
        backend = _backend(len(clients), cpus, folder)
        self._thread = threading.Thread(target=self._run, args=(client_app, len(clients), backend), daemon=True)
        self._thread.start()

    def grid(self) -> Grid:
        return self._grid.result()

    def check(self) -> None:
        """Raise FederationError if the engine has stopped or a client process has died.

        A dead process stays in Flower's pool, where it fails the tasks of healthy clients too: better stop at once.
        """
        if not self._thread.is_alive():
            raise FederationError("the simulation engine stopped; resume the run") from self._failure
        alive = len(_client_processes())
        if alive < self._seen:
            raise FederationError(
                "a client's process died, most often for lack of memory; run fewer clients at once and resume the run"
            )
        self._seen = alive

    def kill(self) -> None:
        """Kill the client processes, whatever they do. The engine takes each for a failed task and ends."""
        self._done.set()
        for process in _client_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def stop(self) -> None:
        """End the engine. A client still busy with a task that was given up is killed."""
        self._done.set()
        self._thread.join(20)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(20)

    def _run(self, client_app, number: int, backend: dict) -> None:
        from flwr.simulation import run_simulation

        server_app = ServerApp()

        @server_app.main()
        def _hand_over(grid: Grid, _: Context) -> None:
            self._grid.set_result(grid)
            self._done.wait()

        try:
            run_simulation(server_app, client_app, number, backend_config=backend)
        except BaseException as error:
            self._failure = error
            if not self._grid.done():
                self._grid.set_exception(FederationError(f"the simulation engine cannot start: {error}"))


def _client_processes() -> list[psutil.Process]:
    """The worker processes of this process's simulation."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            title = process.cmdline()
            if title and title[0].startswith(CLIENT_PROCESS):
                found.append(process)
    return found


def _backend(clients: int, cpus: int, folder: str) -> dict:
    """Ray's settings: a cluster of our own on `cpus` CPUs, its files in `folder`, nothing printed or served."""
    share = max(1, cpus // clients)
    at_once = min(clients, max(1, cpus // share))
    return {
        "client_resources": {"num_cpus": share, "num_gpus": 0.0},
        "init_args": {
            "address": "local",
            "num_cpus": share * at_once,
            "include_dashboard": False,
            "log_to_driver": False,
            "logging_level": "critical",
            "_temp_dir": folder,
        },
    }


@contextlib.contextmanager
def _private_folder() -> Iterator[str]:
    """A folder for Ray inside one that no other user can enter: Ray opens its own to everybody, logs and all."""
    # Ray's sockets live in it, and the path of a socket holds 107 characters at most.
    parent = tempfile.gettempdir() if len(tempfile.gettempdir()) < 25 else "/tmp"
    with tempfile.TemporaryDirectory(prefix="clues-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield os.path.join(folder, "r")


@contextlib.contextmanager
def _orderly_end() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, so that the client processes end too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Flower, whose errors reach us as codes and exceptions, and set the environment for Ray meanwhile."""
    logger, before = logging.getLogger("flwr"), dict(os.environ)
    logger.disabled = True
    os.environ.update(
        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",  # no client asks for a GPU; else Ray warns about it
        RAY_ENABLE_AUTO_CONNECT="0",  # a call after the end fails; else it would start another Ray
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # listen on the loopback alone; as on those systems, so on Linux
    )
    try:
        yield
    finally:
        logger.disabled = False
        for name in ("PYTHONPATH", *(key for key in os.environ if key.startswith("RAY_"))):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]

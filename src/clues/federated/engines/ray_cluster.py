"""The Ray cluster under a simulation: its share of the machine, its place, its silence, and its end."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator

import psutil

from clues.federated.flower import CLIENT_PROCESS

_Value = int | float | str | bytes | bool | list[int] | list[float] | list[str] | list[bytes] | list[bool]
ClusterSettings = dict[str, dict[str, _Value]]
"""What Flower hands to Ray: of each client, and of the cluster."""


def client_processes() -> list[psutil.Process]:
    """The worker processes of this process's simulation."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            title = process.cmdline()
            if title and title[0].startswith(CLIENT_PROCESS):
                found.append(process)
    return found


def backend(clients: int, cpus: int, folder: str) -> ClusterSettings:
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
def private_folder() -> Iterator[str]:
    """A folder for Ray inside one that no other user can enter: Ray opens its own to everybody, logs and all."""
    # Ray's sockets live in it, and the path of a socket holds 107 characters at most.
    parent = tempfile.gettempdir() if len(tempfile.gettempdir()) < 25 else "/tmp"
    with tempfile.TemporaryDirectory(prefix="clues-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield os.path.join(folder, "r")


@contextlib.contextmanager
def orderly_end() -> Iterator[None]:
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
def quiet() -> Iterator[None]:
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

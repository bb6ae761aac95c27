"""Waiting that ends for want of progress, never for want of seconds: a busy machine is slow, and that is no fault."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping

import psutil

PATIENCE_S = 120.0
"""Seconds in which nothing at all moves, after which there is nothing to wait for."""


def wait_until(done: Callable[[], bool], progress: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
    """Whether `done()` came true; waits as long as `progress()` gives something new every `patience_s` seconds."""
    seen, since = progress(), time.monotonic()
    while not done():
        if (now := progress()) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > patience_s:
            return False
        time.sleep(0.05)
    return True


def computed(pid: int) -> int:
    """Whole seconds that a process and those below it have computed: they stand still once it idles or is gone."""
    seconds = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                seconds += sum(one.cpu_times()[:4])  # its own and that of children which have ended
    return int(seconds)


def run_alone(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command in processes of its own, with `env` beside this one's; they are killed once they do nothing more."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, env={**os.environ, **env}, text=True, start_new_session=True
        )
        try:
            ended = wait_until(lambda: process.poll() is not None, lambda: computed(process.pid))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        err.seek(0)
        why = "" if ended else f"\nkilled: nothing moved for {PATIENCE_S:.0f} seconds"
        return subprocess.CompletedProcess(command, process.returncode, out.read(), err.read() + why)

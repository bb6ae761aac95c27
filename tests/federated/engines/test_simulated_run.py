"""A whole run on Flower's simulation engine, as the command starts it: killed, resumed, and what it comes to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import tomli_w

from clues.federated.run import run_job
from clues.progress import Progress
from tests.helpers.tiny import assert_same_numbers, tiny_job

KILLED_IN = "train-clues"
STANDSTILL_SECONDS = 300
"""Longer than anything takes that writes no file meanwhile, as the start of Ray on a busy machine."""


@pytest.mark.slow
@pytest.mark.usefixtures("never_worse_than_chance")  # as the other processes have it
def test_a_killed_simulation_resumes_to_the_in_process_numbers(tmp_path: Path) -> None:
    job, folder = tiny_job(tmp_path), tmp_path / "run"
    run_job(job, tmp_path / "in-process", Progress(), engine="in-process")
    (tmp_path / "job.toml").write_text(tomli_w.dumps(job.to_dict()))
    command = [*(sys.executable, "-m", "clues.cli.main", "run", str(tmp_path / "job.toml")), "--output", str(folder)]
    kill_in(KILLED_IN, command, folder)
    assert not (folder / "metrics.json").exists()
    before = len(events(folder))
    done = subprocess.run([*command, "--resume"], env=one_thread(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = {event["phase"] for event in events(folder)[before:]}
    assert KILLED_IN in again
    assert not again & {"draw", "score-base", "score-1", "score-2", "select"}, "a finished phase began again"
    assert_same_numbers(folder, tmp_path / "in-process")


def kill_in(phase: str, command: list[str], folder: Path) -> None:
    """Start a run, and kill its process group as soon as the first client has done its part of a phase.

    It is waited for while it makes progress, however slow the machine is.
    """
    process = subprocess.Popen(command, env=one_thread(), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wrote, moved = 0, time.monotonic()
        while not any(event["phase"] == phase and event["done"] for event in events(folder)):
            assert process.poll() is None, "the run ended by itself"
            if (now := bytes_in(folder)) != wrote:
                wrote, moved = now, time.monotonic()
            assert time.monotonic() - moved < STANDSTILL_SECONDS, f"no file grew for {STANDSTILL_SECONDS} s: no {phase}"
            time.sleep(0.05)
    finally:
        others = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not psutil.wait_procs(others, 30)[1], "processes of the killed run live on"


def bytes_in(folder: Path) -> int:
    """The size of all files that a run has written so far, events.jsonl among them."""
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total


def events(folder: Path) -> list[dict]:
    """What events.jsonl says so far; a line that is still being written is left out."""
    file = folder / "events.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}

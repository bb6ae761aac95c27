"""A SuperLink's Control API, through the `flwr` command: let clients in, start a run, wait for its end."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clues.disk.writing import write_toml
from clues.errors import DeploymentError
from clues.federated.engines.deployment import environment, program


def write_connection(home: Path, name: str, superlink: str, authority: Path) -> None:
    """Tell the `flwr` command, in its config.toml, where the SuperLink is and by which authority to know it."""
    home.mkdir(parents=True, exist_ok=True)
    connection = {"address": superlink, "root-certificates": str(authority.absolute())}
    write_toml({"superlink": {name: connection}}, home / "config.toml")


def register_client(home: Path, connection: str, public_key: Path, name: str) -> None:
    """Let the SuperNode with this key in. Raises DeploymentError if the SuperLink refuses."""
    _flwr(home, "supernode", "register", str(public_key), connection, "--name", name)


def start_run(home: Path, connection: str, bundle: Path) -> int:
    """Hand the bundle to the SuperLink and return Flower's id of the run. Raises DeploymentError."""
    return int(_flwr_json(home, "run", str(bundle), connection)["run-id"])


def unfinished_run(home: Path, connection: str) -> int | None:
    """Flower's id of the run that the SuperLink is busy with. Raises DeploymentError if it cannot be asked."""
    runs = _flwr_json(home, "ls", connection)["runs"]
    return next((int(run["run-id"]) for run in runs if not run["status"].startswith("finished")), None)


def wait_for_run(home: Path, connection: str, run_id: int, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait until a run has ended; `meanwhile` is called twice a second. Raises DeploymentError unless it completed."""
    with tempfile.TemporaryFile("w+") as log:
        arguments = _command("log", str(run_id), connection, "--stream")
        with subprocess.Popen(
            arguments, env=environment(home), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as flwr:
            try:
                while flwr.poll() is None:
                    meanwhile()
                    time.sleep(0.5)
            finally:
                flwr.kill()
        meanwhile()
        run = _flwr_json(home, "ls", connection, "--run-id", str(run_id))["runs"][0]
        if run["status"] != "finished:completed":
            log.seek(0)
            cause = _raised(log.read()) or run["status-details"]
            raise DeploymentError(f"run {run_id} is {run['status']}: {cause}; that put right, --resume goes on with it")


def _raised(log: str) -> str:
    """The exception that ended a run, as its log says; empty for none."""
    lines = re.findall(r"^[\w.]+(?:Error|Exception): .*", log, re.MULTILINE)
    return lines[-1].rstrip(" .") if lines else ""


def _flwr_json(home: Path, *arguments: str) -> dict[str, Any]:
    answer = json.loads(_flwr(home, *arguments, "--format", "json"))
    if not answer.get("success"):
        raise DeploymentError(f"flwr {' '.join(arguments)}: {answer.get('error-message', answer)}")
    return answer


def _flwr(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        _command(*arguments), env=environment(home), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise DeploymentError(f"flwr {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _command(*arguments: str) -> list[str]:
    return [program("flwr"), *arguments]

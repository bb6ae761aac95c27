"""docs/FEDERATION.md against the code: its commands are those the code runs, its lists those of the wire."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from clues.cli.main import app
from clues.config import ClientSettings
from clues.config.reading import job_from_dict
from clues.federated.engines import control
from clues.federated.engines.deployment import RUN_FOLDER, Tls, environment, superlink_command, supernode_command
from clues.federated.wire import ALLOWED_NUMBERS, ERROR_CODES

TEXT = (Path(__file__).parents[2] / "docs" / "FEDERATION.md").read_text()
BLOCKS = {kind: re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL) for kind in ("bash", "toml")}
COMMANDS = [shlex.split(line) for block in BLOCKS["bash"] for line in block.replace("\\\n", " ").splitlines()]


def in_the_text(command: list[str]) -> bool:
    """Whether a command is in the text, its options in any order."""
    wanted = [Path(command[0]).name, *command[1:]]
    return any(sorted(found) == sorted(wanted) and found[0] == wanted[0] for found in COMMANDS)


def commands(start: str) -> list[list[str]]:
    return [command for command in COMMANDS if " ".join(command).startswith(start)]


def test_both_sides_start_as_the_code_starts_them() -> None:
    tls = Tls(Path("ca.crt"), Path("server.pem"), Path("server.key"))
    assert in_the_text(superlink_command(tls, "0.0.0.0", 8000, Path("state.db")))
    config = {"name": "north", "data": "/data/rows.jsonl", "folder": "/data/clues/first", "model": "/models/base"}
    assert in_the_text(supernode_command("superlink.example.org:8000", Path("ca.crt"), Path("north"), 9094, **config))


def test_the_environment_is_the_one_the_code_sets(tmp_path: Path) -> None:
    exported = dict(part.split("=", 1) for command in commands("export") for part in command[1:])
    set_by_code = {key: value for key, value in environment(tmp_path).items() if key.startswith("FLWR_")}
    assert exported.pop(RUN_FOLDER)
    assert exported == {key: value for key, value in set_by_code.items() if key != "FLWR_HOME"}


def test_the_connection_and_the_clients_are_made_as_the_code_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control.write_connection(tmp_path, "hospitals", "127.0.0.1:8000", Path("/srv/clues/ca.crt"))
    assert tomllib.loads(BLOCKS["toml"][0]) == tomllib.loads((tmp_path / "config.toml").read_text())
    called: list[list[str]] = []
    monkeypatch.setattr(control, "_flwr", lambda _home, *arguments: called.append(["flwr", *arguments]))
    for name in ("north", "south"):
        control.register_client(tmp_path, "hospitals", Path(f"{name}.pub"), name)
    assert all(map(in_the_text, called))
    assert len(commands("flwr supernode register")) == len(called)


def test_the_job_and_the_runs_can_be_read() -> None:
    job = job_from_dict(tomllib.loads(BLOCKS["toml"][1]))
    assert job.clients == (ClientSettings("north"), ClientSettings("south"))
    runs = commands("clues run")
    assert len(runs) == 2
    for command in runs:
        _, bound, _ = app.parse_args(command[1:], print_error=False, exit_on_error=False)
        assert bound.arguments["federation"] == "hospitals"
        assert f"{RUN_FOLDER}={bound.arguments['output_to']}" in TEXT


def test_what_leaves_is_what_the_wire_lets_through() -> None:
    rows = dict(re.findall(r"^\| `(\S+)` \| (.*) \|$", TEXT, re.MULTILINE))
    assert rows == ALLOWED_NUMBERS | ERROR_CODES


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("ssh-keygen")) and not os.environ.get("CI"),
    reason="needs openssl and ssh-keygen",
)
def test_the_certificate_holds_for_its_names_and_the_key_is_made(tmp_path: Path) -> None:
    for block in BLOCKS["bash"]:
        if block.startswith(("openssl", "ssh-keygen")):
            subprocess.run(["bash", "-euc", block], cwd=tmp_path, check=True, capture_output=True)
    verify = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.crt"]
    names = (
        ["-verify_hostname", "superlink.example.org"],
        ["-verify_hostname", "localhost"],
        ["-verify_ip", "127.0.0.1"],
    )
    for name in names:
        subprocess.run([*verify, *name, "server.pem"], cwd=tmp_path, check=True, capture_output=True)
    other = subprocess.run(
        [*verify, "-verify_hostname", "example.com", "server.pem"], cwd=tmp_path, capture_output=True
    )
    assert other.returncode != 0
    assert (tmp_path / "north.pub").read_text().startswith("ecdsa-sha2-nistp384 ")

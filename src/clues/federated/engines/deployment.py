"""The same apps on a real SuperLink and SuperNodes: the commands that start these, and what a run hands to them.

The server's folder holds the run and never travels. What every client gets is an app bundle of a single file, with the
job as clients may know it. Each client's paths are in its own SuperNode's `--node-config`. docs/FEDERATION.md has the
whole recipe.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from clues.config import Job, PublicSettings
from clues.disk.writing import write_toml

RUN_FOLDER = "CLUES_RUN_DIR"
"""Environment variable of the SuperLink: the run's folder, with job.toml and public/. The ServerApp works in it."""

_SUPERLINK = ("--enable-supernode-auth", "--disable-runtime-dependency-installation")

SERVER_APP = "clues.federated.server_app:app"
CLIENT_APP = "clues.federated.client_app:app"


@dataclass(frozen=True)
class Tls:
    """Files of a side that listens. The certificate names the address that the other sides use."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def flags(self) -> list[str]:
        names = ("--ssl-ca-certfile", "--ssl-certfile", "--ssl-keyfile")
        paths = (self.authority, self.certificate, self.key)
        return [part for name, path in zip(names, paths, strict=True) for part in (name, str(path))]


def job_for_clients(job: Job) -> Job:
    """The job as clients may know it: the same settings without the server's folders.

    A base model that is a path keeps its last part; a client that has it elsewhere names its own `model`.
    """
    clients = tuple(replace(client, data="") for client in job.clients)
    model = replace(job.model, name=Path(job.model.name).name) if Path(job.model.name).is_absolute() else job.model
    return replace(job, public=PublicSettings(), clients=clients, model=model)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Environment of a Flower process: its state in `home`, no telemetry, no update check, nothing installed."""
    return {
        **os.environ,
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        # Flower starts its apps by name: let it find this installation's.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        **more,
    }


def superlink_command(tls: Tls, host: str, port: int, database: Path) -> list[str]:
    """Start the server's side. One port serves clients, runs and status; only clients with a registered key get in."""
    address = ["--host", host, "--port", str(port), "--database", str(database)]
    return [program("flower-superlink"), *tls.flags, *_SUPERLINK, *address]


def supernode_command(superlink: str, authority: Path, key: Path, port: int, **config: str | Path) -> list[str]:
    """Start a client's side. `superlink`: host:port. `port`: a free one, for the client's own apps on the loopback.

    `config` goes into `--node-config` and stays on this side: `name`, `data`, `folder`, and `model` where the job's
    base model lies elsewhere here.
    """
    node_config = " ".join(f'{key}="{value}"' for key, value in config.items())
    return [
        *(program("flower-supernode"), "--superlink", superlink, "--root-certificates", str(authority)),
        *("--auth-supernode-private-key", str(key), "--port", str(port), "--node-config", node_config),
    ]


def write_bundle(folder: Path, job: Job, server_app: str = SERVER_APP, client_app: str = CLIENT_APP) -> Path:
    """Write the app that a run hands to the SuperLink: one pyproject.toml, no code and no data."""
    config = {"job": json.dumps(job_for_clients(job).to_dict(), sort_keys=True)}
    components = {"serverapp": server_app, "clientapp": client_app}
    app = {"publisher": "clues", "components": components, "config": config}
    project = {"name": "clues-run", "version": "0.1.0", "description": "A clues run.", "license": "Apache-2.0"}
    write_toml({"project": project, "tool": {"flwr": {"app": app}}}, folder / "pyproject.toml")
    return folder


def program(name: str) -> str:
    """A command of this very installation, by its full path."""
    return str(Path(sys.executable).parent / name)

"""A real federation on the loopback: certificates, keys, a SuperLink and SuperNodes, each in a process of its own."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clues.federated.engines.control import register_client, write_connection
from clues.federated.engines.deployment import (
    RUN_FOLDER,
    Tls,
    environment,
    superlink_command,
    supernode_command,
)
from tests.helpers.waiting import computed, wait_until

CONNECTION = "loopback"
MORE = {"FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Loopback:
    """A running federation: `home` is where the `flwr` command finds it, as the connection CONNECTION."""

    home: Path
    logs: Path
    processes: dict[str, subprocess.Popen[bytes]]
    folder: Path
    superlink: str
    authority: Path
    started: dict[str, tuple[list[str], dict[str, str]]] = field(default_factory=dict)
    """Name -> command and environment, to start it again."""

    def join(
        self,
        name: str,
        rows: Path,
        *,
        env: Mapping[str, str] | None = None,
        key: Path | None = None,
        config: Mapping[str, str],
    ) -> None:
        """Start a client's SuperNode; without `key` a new one is made and registered."""
        own = self.folder / name
        if key is None:
            key = own / "key"
            register_client(self.home, CONNECTION, make_key(key), name)
        settings = {"name": name, "data": rows, "folder": own / "results", **config}
        command = supernode_command(self.superlink, self.authority, key, free_port(), **settings)
        _start(self, name, command, environment(own / "flower", **MORE, **(env or {})))

    def kill(self, name: str) -> None:
        """End one with all that it has started, at once."""
        process = self.processes[name]
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for one in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def again(self, name: str) -> None:
        """Start one again as it was."""
        _start(self, name, *self.started[name])


@contextlib.contextmanager
def federation(folder: Path, run_folder: Path, data: Mapping[str, Path], **config: str) -> Iterator[Loopback]:
    """Start a SuperLink over `run_folder` and one SuperNode for each client in `data` (name -> its rows).

    Everything is below `folder`, each client's things in `folder/<name>`. `config`: more for each --node-config. At the
    end, however it comes, every process that was started is gone.
    """
    authority = make_tls(folder / "server")
    port, home = free_port(), folder / "home"
    superlink = f"127.0.0.1:{port}"
    write_connection(home, CONNECTION, superlink, authority.authority)
    loopback = Loopback(home, folder / "logs", {}, folder, superlink, authority.authority)
    with _ended(loopback.processes):
        command = superlink_command(authority, "127.0.0.1", port, folder / "server" / "state.db")
        _start(loopback, "superlink", command, environment(folder / "server", **{RUN_FOLDER: str(run_folder)}, **MORE))
        _wait_for_port(port, loopback)
        for name, rows in data.items():
            loopback.join(name, rows, config=config)
        yield loopback


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_tls(folder: Path) -> Tls:
    """An authority and a certificate of its for the loopback, valid for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    root = _certificate(issuer, issuer, authority_key.public_key(), authority_key, x509.BasicConstraints(True, None))
    leaf = _certificate(subject, issuer, server_key.public_key(), authority_key, names)
    tls = Tls(folder / "ca.crt", folder / "server.pem", folder / "server.key")
    tls.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    tls.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return tls


def make_key(file: Path) -> Path:
    """A SuperNode's key pair as `ssh-keygen -t ecdsa -b 384` writes it; the public key's file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP384R1())
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    public = file.with_suffix(".pub")
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    )
    return public


def _certificate(subject, issuer, public_key, signer, extension) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(extension, critical=False)
        .sign(signer, hashes.SHA256())
    )


def _start(loopback: Loopback, name: str, command: list[str], env: dict[str, str]) -> None:
    loopback.logs.mkdir(parents=True, exist_ok=True)
    loopback.started[name] = (command, env)
    with (loopback.logs / f"{name}.log").open("ab") as log:
        loopback.processes[name] = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)


def _wait_for_port(port: int, loopback: Loopback) -> None:
    superlink = loopback.processes["superlink"]
    if not wait_until(lambda: answers(port), lambda: computed(superlink.pid)):
        raise TimeoutError((loopback.logs / "superlink.log").read_text()[-2000:])


def answers(port: int) -> bool:
    """Whether something listens on a port of the loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def _ended(processes: dict[str, subprocess.Popen[bytes]]) -> Iterator[None]:
    """End all processes and their children; Flower's start sessions of their own, so the tree is taken beforehand."""
    try:
        yield
    finally:
        trees = [psutil.Process(p.pid).children(recursive=True) for p in processes.values() if p.poll() is None]
        for process in processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        for child in (child for tree in trees for child in tree):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

"""Faults on real processes: a SuperLink and SuperNodes with TLS and keys on the loopback, and what is done to them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import tomli_w

from clues.config import (
    ClientSettings,
    CollaborationSettings,
    EvaluationSettings,
    Job,
    ScoringSettings,
    TrainingSettings,
)
from clues.folders.members import Member
from clues.folders.run import RunFolder
from tests.faults.outcome import Outcome, Seen, faults_of, table, whole
from tests.helpers.loopback import CONNECTION, Loopback, federation, free_port, make_key, make_tls
from tests.helpers.tiny import save_model, tiny_job, with_files

PATIENCE_S = 1800.0
"""A run of two clients takes one to four minutes; one that takes longer hangs."""
OLD = "import clues\nclues.__version__ = '0.0.9'\n"
"""sitecustomize.py of a client of another version."""


@dataclass
class Site:
    """A federation that is up, its job, and the command that runs it."""

    loopback: Loopback
    folder: Path
    job: Job
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder / "server" / "run")

    def command(self, *more: str) -> subprocess.Popen[bytes]:
        """`clues run`, under way."""
        tokens = ["run", str(self.folder / "server" / "job.toml"), "--output", str(self.run.path)]
        line = [sys.executable, "-m", "clues", *tokens, "--federation", CONNECTION, "-q", *more]
        with (self.folder / "logs" / "clues.log").open("ab") as log:
            env = {**os.environ, "FLWR_HOME": str(self.loopback.home)}
            return subprocess.Popen(line, env=env, stdout=log, stderr=log)

    def wait_for(self, phase: str) -> None:
        """Until a phase of the run has begun."""
        _until(lambda: any(json.loads(line)["phase"] == phase for line in self._events()), f"the phase {phase}")

    def wait_for_client(self, name: str) -> None:
        """Until a client works on a task: its app's process is there."""
        _until(lambda: _apps(self.loopback.processes[name].pid), f"a task of {name}")

    def supervised(self, name: str) -> None:
        """Start a SuperNode again whenever it has ended, as a supervisor does; until the federation ends."""

        def loop() -> None:
            while not self.over.is_set():
                if self.loopback.processes[name].poll() is not None:
                    self.loopback.again(name)
                self.over.wait(5)

        threading.Thread(target=loop, daemon=True).start()

    def _events(self) -> list[str]:
        return self.run.events.read_text().split("\n")[:-1] if self.run.events.exists() else []


@contextlib.contextmanager
def site(folder: Path, names: tuple[str, ...] = ("ghr", "gard"), offline: tuple[str, ...] = ()) -> Iterator[Site]:
    """A federation of these clients; those of the job that are `offline` are not started."""
    settings = {
        "training": TrainingSettings(rounds=1, local_steps=4, batch_size=2, learning_rate=1e-2),
        "scoring": ScoringSettings(channels="forward", checkpoints=(1,)),
        "collaboration": CollaborationSettings(arms=("clues",)),
        "evaluation": EvaluationSettings(choice_rows=0, bootstrap=20),
    }
    job = tiny_job(folder, **settings)
    sources = {"ghr": "GHR", "gard": "GARD", "ninds": "NINDS", "seniorhealth": "SeniorHealth"}
    clients = tuple(sources[name] for name in (*names, *offline))
    job = with_files(
        dataclasses.replace(job, sample=dataclasses.replace(job.sample, clients=clients)), folder / "drawn"
    )
    rows = {client.name: Path(client.data) for client in job.clients}
    (folder / "server").mkdir()
    named = dataclasses.replace(job, clients=tuple(ClientSettings(name) for name in rows))
    (folder / "server" / "job.toml").write_text(tomli_w.dumps(named.to_dict()))
    here = {name: rows[name] for name in names}
    with federation(folder, folder / "server" / "run", here, model=job.model.name) as loopback:
        up = Site(loopback, folder, job)
        try:
            yield up
        finally:
            up.over.set()


def _until(done: Callable[[], object], what: str) -> None:
    since = time.monotonic()
    while not done():
        if time.monotonic() - since > PATIENCE_S:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.1)


def _apps(pid: int) -> list[psutil.Process]:
    """Processes of a SuperNode that run a client's app."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [p for p in psutil.Process(pid).children(recursive=True) if "clientapp" in " ".join(p.cmdline())]
    return []


def _server_apps(pid: int) -> list[psutil.Process]:
    return [p for p in psutil.Process(pid).children(recursive=True) if "serverapp" in " ".join(p.cmdline())]


# What is done --------------------------------------------------------------------------------------------------------


def supernode_killed_in_scoring(site: Site) -> None:
    _supernode_killed_in("score-base", site)


def supernode_killed_in_training(site: Site) -> None:
    _supernode_killed_in("warm-up", site)


def _supernode_killed_in(phase: str, site: Site) -> None:
    command = site.command()
    site.wait_for(phase)
    site.wait_for_client("gard")
    site.loopback.kill("gard")
    site.supervised("gard")
    command.wait(PATIENCE_S)


def client_process_killed(site: Site) -> None:
    command = site.command()
    site.wait_for("warm-up")
    site.wait_for_client("gard")
    for process in _apps(site.loopback.processes["gard"].pid):
        process.kill()
    command.wait(PATIENCE_S)


def serverapp_killed_in_training(site: Site) -> None:
    command = site.command()
    site.wait_for("warm-up")
    site.wait_for_client("gard")
    for process in _server_apps(site.loopback.processes["superlink"].pid):
        process.kill()
    command.wait(PATIENCE_S)
    _resumed(site)


def superlink_killed_in_scoring(site: Site) -> None:
    command = site.command()
    site.wait_for("score-base")
    site.wait_for_client("gard")
    site.loopback.kill("superlink")
    time.sleep(3)
    site.loopback.again("superlink")
    command.wait(PATIENCE_S)
    _resumed(site)


def gone_for_good(site: Site) -> None:
    """The SuperNode goes after scoring, then the ServerApp dies too; --resume goes on with the other."""
    command = site.command()
    site.wait_for("warm-up")
    site.loopback.kill("gard")
    for process in _server_apps(site.loopback.processes["superlink"].pid):
        process.kill()
    command.wait(PATIENCE_S)
    _resumed(site)


def supernode_stopped_and_continued(site: Site) -> None:
    command = site.command()
    site.wait_for("warm-up")
    processes = [psutil.Process(site.loopback.processes["gard"].pid)]
    processes += processes[0].children(recursive=True)
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    time.sleep(90)  # its heartbeat is missed
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
    command.wait(PATIENCE_S)


def another_version(site: Site) -> None:
    old = site.folder / "old"
    old.mkdir()
    (old / "sitecustomize.py").write_text(OLD)
    path = os.pathsep.join([str(old), os.environ.get("PYTHONPATH", "")])
    _joined(site, "ninds", env={"PYTHONPATH": path})


def other_base_weights(site: Site) -> None:
    _joined(site, "ninds", model=str(save_model(site.folder / "other", seed=7)))


def _joined(site: Site, name: str, env: dict[str, str] | None = None, model: str = "") -> None:
    rows = next(Path(client.data) for client in site.job.clients if client.name == name)
    site.loopback.join(name, rows, env=env, config={"model": model or site.job.model.name})
    site.command().wait(PATIENCE_S)


def _resumed(site: Site) -> None:
    """--resume until it is done: while Flower takes a dead ServerApp for running, the command follows that first."""
    for _ in range(6):
        if site.command("--resume").wait(PATIENCE_S) == 0:
            return
        time.sleep(10)


RUNS: dict[str, tuple[Callable[[Site], None], str, tuple[str, ...]]] = {
    "real-supernode-killed-in-scoring": (supernode_killed_in_scoring, "gard", ()),
    "real-supernode-killed-in-training": (supernode_killed_in_training, "gard", ()),
    "real-client-process-killed": (client_process_killed, "gard", ()),
    "real-serverapp-killed-in-training": (serverapp_killed_in_training, "gard", ()),
    "real-superlink-killed-in-scoring": (superlink_killed_in_scoring, "gard", ()),
    "real-gone-for-good": (gone_for_good, "gard", ()),
    "real-supernode-stopped": (supernode_stopped_and_continued, "gard", ()),
    "real-another-version": (another_version, "ninds", ("ninds",)),
    "real-other-base-weights": (other_base_weights, "ninds", ("ninds",)),
}
"""Fault -> what is done, whose fault it is, who of the job is not online beforehand."""


def outcome(name: str, folder: Path) -> Outcome:
    """Make a fault happen on real processes, and see what comes of it."""
    expected = table()[name].expected
    act, client, offline = RUNS[name]
    with site(folder, offline=offline) as here:
        act(here)
        told = " ".join(here._events())
        members = here.run.members.read_if_there()
        seen: Seen = "ended"
        if whole(here.run.path):
            named = bool(faults_of(here.run.path, client)) if members else False
            seen = "refused" if f"{client} is left out" in told else "member named" if named else "survived"
        why = "; ".join(f"{f.client} {f.step}: {f.code}" for f in members.faults) if members else ""
        lost = seen == "ended" or _lost(here, client)
        if name == "real-supernode-killed-in-scoring":  # it must have caught up
            lost = lost or members is None or members.clients.get(client, Member()).selected is None
        log = "" if seen != "ended" else (folder / "logs" / "clues.log").read_text()[-400:]
        return Outcome(name, "real", expected, seen, lost, why or log)


def _lost(site: Site, client: str) -> bool:
    """Whether one that did nothing wrong is missing in a round."""
    for arm in site.run.training.read().arms.values():
        for one in (*arm.rounds, *arm.alone):
            if any(told.error for name, told in one.clients.items() if name != client):
                return True
    return False


# Who is not let in: a SuperNode that is refused ends, or never comes online; no run is needed ------------------------


def strangers(folder: Path) -> list[Outcome]:
    """An unregistered key, a wrong authority, no TLS, and a key that is in use, at one SuperLink."""
    with site(folder, names=("ghr",)) as here:
        loopback = here.loopback
        _until(lambda: _online(here) == 1, "the client")
        found = []
        unregistered = folder / "stranger" / "key"
        make_key(unregistered)
        other = make_tls(folder / "other-authority")
        for name, key, change in (
            ("real-unregistered-key", unregistered, {}),
            ("real-wrong-authority", folder / "ghr" / "key", {str(loopback.authority): str(other.authority)}),
            ("real-key-in-use", folder / "ghr" / "key", {}),
            (
                "real-insecure",
                folder / "ghr" / "key",
                {"--root-certificates": "--insecure", str(loopback.authority): ""},
            ),
        ):
            command, env = loopback.started["ghr"]
            line = [change.get(part, part) for part in command]
            line[line.index("--auth-supernode-private-key") + 1] = str(key)
            line[line.index("--port") + 1] = str(free_port())
            with (folder / "logs" / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    [p for p in line if p], env=env, stdout=log, stderr=log, start_new_session=True
                )
            _wait(process, 45)
            said = (folder / "logs" / f"{name}.log").read_text()
            refused = _online(here) == 1 and (process.poll() not in (None, 0) or "rror" in said or "ertificate" in said)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            seen = "refused" if refused else "survived"
            last = next((line for line in said.splitlines() if re.search("rror|ertificate|refus|exit", line)), "")
            found.append(Outcome(name, "real", table()[name].expected, seen, False, last[:200]))
        return found


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _online(site: Site) -> int:
    from clues.federated.engines.control import _flwr_json

    nodes = _flwr_json(site.loopback.home, "supernode", "list", CONNECTION)["nodes"]
    return sum(node["status"] == "online" for node in nodes)

"""Faults in the in-process grid: replies tampered with on their way, clients that are away, servers that die."""

from __future__ import annotations

import errno
import functools
import gc
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord

from clues.config import ClientSettings, CollaborationSettings, Job, SelectionSettings
from clues.config.reading import job_from_dict
from clues.errors import SettingError
from clues.federated.client import Client
from clues.federated.coordinator import Coordinator
from clues.federated.engines.in_process import InProcessGrid
from clues.federated.federation import Federation
from clues.federated.replies import TrainReply
from clues.federated.run import LocalClients, finish, open_folder, prepare_data
from clues.federated.tasks import Hello, Score, Select, Task, Train
from clues.federated.wire import TaskError
from clues.folders.run import RunFolder
from clues.progress import Progress
from tests.faults.outcome import Outcome, Seen, faults_of, others_in_every_round, table, whole
from tests.helpers.tiny import save_model, tiny_job

SITES = ("GHR", "GARD", "NINDS", "SeniorHealth")
LIAR, *OTHERS = (site.lower() for site in SITES)
Tamper = Callable[[str, Message], None]
"""Changes a reply of the liar in place; gets the kind of its task."""


class Killed(BaseException):
    """What a kill of the server looks like from inside."""


@dataclass
class Fault:
    """How the run is disturbed."""

    tamper: Tamper = lambda _kind, _reply: None
    client: type[Client] = Client
    """What the liar is."""
    away: Callable[[str, int], bool] = lambda _kind, _number: False
    """Whether the liar is unreachable for its so-and-so-many-th task of this kind."""
    late_comer: bool = False
    """Whether the liar comes online with the second round only."""
    kill: Callable[[str, int], bool] = lambda _kind, _number: False
    """Whether the server dies before it reads the so-and-so-many-th reply of this kind; it is resumed."""
    between: Callable[[RunFolder], None] = lambda _folder: None
    """Done to the run's folder after a kill."""
    collaboration: CollaborationSettings = field(default_factory=lambda: CollaborationSettings(arms=("clues",)))


class Grid(InProcessGrid):
    """A grid with a fault."""

    def __init__(self, fault: Fault, client_for: Callable[[str], Client], names: list[str]) -> None:
        super().__init__(client_for, names)
        self.fault, self.counts, self.asked = fault, dict[tuple[str, bool], int](), list[tuple[str, str]]()
        self._liar = list(self._contexts)[names.index(LIAR)]
        self._names = dict(zip(self._contexts, names, strict=True))

    def get_node_ids(self) -> Iterable[int]:
        hidden = self.fault.late_comer and self.counts.get(("train", False), 0) < len(OTHERS)
        return [node for node in self._contexts if node != self._liar or not hidden]

    def _reply(self, message: Message) -> Message:
        kind = message.metadata.message_type.removeprefix("query.")
        liar = message.metadata.dst_node_id == self._liar
        number = self.counts[kind, liar] = self.counts.get((kind, liar), 0) + 1
        if self.fault.kill(kind, sum(n for (k, _), n in self.counts.items() if k == kind)):
            raise Killed
        if liar and self.fault.away(kind, number):
            return Message(Error(5, ""), reply_to=message)
        reply = super()._reply(message)
        if kind != "hello":
            task = message.content.config_records["task"]["id"]
            self.asked.append((self._names[message.metadata.dst_node_id], str(task)))
        if liar and reply.has_content():
            self.fault.tamper(kind, reply)
        return reply


@functools.cache
def _model_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="clues-faults-"))


def job_of(fault: Fault) -> Job:
    """Four sites, two rounds, an arm beside the warm-up, one checkpoint. The model is made once for all faults."""
    job = tiny_job(_model_folder(), collaboration=fault.collaboration)
    rows = {"rows_per_client": 8, "test_rows": 4, "validation_rows": 4, "anchor_rows": 8}
    sample = replace(job.sample, clients=SITES, unseen_source="", **rows)
    evaluation = replace(job.evaluation, choice_rows=0)
    scoring = replace(job.scoring, checkpoints=(1,), published=False)
    return replace(job, sample=sample, scoring=scoring, evaluation=evaluation)


def run(folder: Path, fault: Fault) -> tuple[RunFolder, Federation, Grid, Job]:
    """A whole run under a fault, resumed after each kill."""
    job, run_folder = job_of(fault), RunFolder(folder / "run")
    open_folder(job, run_folder, resume=False)
    names = prepare_data(job, run_folder, Progress())
    local = LocalClients(run_folder, job)

    def client_for(name: str) -> Client:
        own = local(name)
        return fault.client(own.name, own.data, own.folder, own.job) if name == LIAR else own

    grid = Grid(fault, client_for, names)
    while True:
        federation = Federation(grid, len(names))
        try:
            # The clients' own pages are no part of what is looked at, and are the dearest of a run.
            # Every training collects garbage, which among this process's modules takes longer than the training.
            gc.freeze()
            with mock.patch("clues.federated.client.write_owner_report"):
                _lead(federation, job, run_folder)
            return run_folder, federation, grid, job
        except Killed:
            fault.kill = lambda _kind, _number: False
            fault.between(run_folder)


def _lead(federation: Federation, job: Job, folder: RunFolder) -> None:
    progress = Progress(folder.events)
    with mock.patch.object(federation, "hello", functools.partial(federation.hello, limit=0.2)):  # nobody waits here
        Coordinator(federation, job, folder, progress, labelled=False).run()
    finish(folder, progress)


# What a reply is changed to ------------------------------------------------------------------------------------------


def numbers(kind: str, **changes: float | None) -> Tamper:
    """Numbers of the replies to one kind of task, changed, or left out where None."""

    def tamper(of: str, reply: Message) -> None:
        if of == kind:
            found = {**dict(reply.content.metric_records["numbers"]), **changes}
            reply.content["numbers"] = MetricRecord({k: v for k, v in found.items() if v is not None})

    return tamper


def adapter(change: Callable[[np.ndarray], np.ndarray], key: Callable[[str], str] = lambda k: k) -> Tamper:
    """The trained arrays, changed."""

    def tamper(kind: str, reply: Message) -> None:
        if kind == "train":
            found = {k: change(a.numpy()) for k, a in reply.content.array_records["arrays"].items()}
            arrays = {key(k): Array(np.ascontiguousarray(a, np.float32)) for k, a in found.items()}
            reply.content["arrays"] = ArrayRecord(arrays)

    return tamper


def moved(change: Callable[[np.ndarray, int], np.ndarray]) -> type[Client]:
    """A client that changes what it has trained: gets Δ and the number of the array."""

    class Liar(Client):
        def run(self, task: Task):
            reply = super().run(task)
            if isinstance(task, Train) and isinstance(reply, TrainReply):
                sent = task.adapter
                ends = {k: sent[k] + change(a - sent[k], i) for i, (k, a) in enumerate(reply.adapter.items())}
                return replace(reply, adapter={k: a.astype(np.float32) for k, a in ends.items()})
            return reply

    return Liar


def raising(kind: type[Task], error: Callable[[], Exception], only: int = 0) -> type[Client]:
    """A client that fails at one kind of task; `only`: at its so-and-so-many-th, 0 for all."""
    count = 0

    class Failing(Client):
        def run(self, task: Task):
            nonlocal count
            if isinstance(task, kind):
                count += 1
                if only in (0, count):
                    raise error()
            return super().run(task)

    return Failing


class ChangesItsFile(Client):
    """Loses a row between two passes."""

    def run(self, task: Task):
        if isinstance(task, Score):
            self.data.write_text("".join(self.data.read_text().splitlines(keepends=True)[1:]))
            self.__dict__.pop("prepared", None)
        return super().run(task)


class OtherModel(Client):
    """Has base weights of the same shapes, and other values."""

    def run(self, task: Task):
        if isinstance(task, Hello):
            other = str(save_model(self.folder / "other", seed=7))
            self.job = replace(self.job, model=replace(self.job.model, name=other))
        return super().run(task)


def header(**changes: str) -> Tamper:
    def tamper(kind: str, reply: Message) -> None:
        if kind == "train":
            reply.content["result"] = ConfigRecord({**dict(reply.content.config_records["result"]), **changes})

    return tamper


def as_name(name: str) -> Tamper:
    def tamper(kind: str, reply: Message) -> None:
        if kind == "hello":
            reply.content["result"] = ConfigRecord({**dict(reply.content.config_records["result"]), "name": name})

    return tamper


def poison(folder: RunFolder) -> None:
    """A round on disk that some earlier version averaged out of a lie."""
    from safetensors.torch import load_file, save_file

    file = folder.round("mixed", 1)
    save_file({k: t * 1e6 + 1 for k, t in load_file(str(file)).items()}, str(file))


def _noise(delta: np.ndarray, i: int) -> np.ndarray:
    return np.random.default_rng(i).normal(size=delta.shape) * np.sqrt(np.mean(delta**2))


FAULTS: dict[str, Callable[[], Fault]] = {
    "no-examples": lambda: Fault(numbers("train", examples=None)),
    "no-train-loss": lambda: Fault(numbers("train", train_loss=None)),
    "no-select-numbers": lambda: Fault(numbers("select", **dict.fromkeys(("kept", "dropped", "overlap")))),
    "kept-more-than-rows": lambda: Fault(numbers("select", kept=80, dropped=0)),
    "examples-1e12": lambda: Fault(numbers("train", examples=10**12)),
    "examples-more-than-rows": lambda: Fault(numbers("train", examples=9)),
    "no-steps": lambda: Fault(numbers("train", steps=0)),
    "fewer-steps": lambda: Fault(numbers("train", steps=1)),
    "loss-nan": lambda: Fault(numbers("train", train_loss=float("nan"))),
    "negative-rows": lambda: Fault(numbers("score", rows=-3)),
    "other-rows": lambda: Fault(numbers("score", rows=7)),
    "extra-number": lambda: Fault(numbers("train", score_of_row_7=0.3)),
    "extra-text": lambda: Fault(header(text="the patient in bed seven")),
    "another-round": lambda: Fault(header(task="0" * 16)),
    "no-task-id": lambda: Fault(header(task="")),
    "update-nan": lambda: Fault(adapter(lambda a: a * np.nan)),
    "update-other-shape": lambda: Fault(adapter(lambda a: a[..., :1])),
    "update-other-names": lambda: Fault(adapter(lambda a: a, lambda key: key + ".x")),
    "update-times-1e6": lambda: Fault(client=moved(lambda d, _: d * 1e6)),
    "update-times-30": lambda: Fault(client=moved(lambda d, _: d * 30)),
    "update-flipped": lambda: Fault(client=moved(lambda d, _: -d)),
    "update-noise": lambda: Fault(client=moved(_noise)),
    "update-none": lambda: Fault(client=moved(lambda d, _: d * 0)),
    "other-base-weights": lambda: Fault(client=OtherModel),
    "another-version": lambda: Fault(client=raising(Hello, lambda: TaskError("version"))),
    "name-of-another": lambda: Fault(as_name(OTHERS[0])),
    "name-is-a-path": lambda: Fault(as_name("../b")),
    "file-changed": lambda: Fault(client=ChangesItsFile),
    "client-disk-full": lambda: Fault(client=raising(Select, lambda: OSError(errno.ENOSPC, "no space"))),
    "client-out-of-memory": lambda: Fault(client=raising(Train, MemoryError)),
    "missed-base-pass": lambda: Fault(away=lambda kind, n: kind == "score_base" and n == 1),
    "missed-checkpoint-pass": lambda: Fault(away=lambda kind, n: kind == "score" and n == 1),
    "missed-selection": lambda: Fault(away=lambda kind, n: kind == "select" and n == 1),
    "missed-round": lambda: Fault(away=lambda kind, n: kind == "train" and n == 2),
    "late-joiner": lambda: Fault(late_comer=True),
    "leaver": lambda: Fault(away=lambda kind, n: kind == "select" or (kind == "train" and n > 1)),
    "server-killed-in-scoring": lambda: Fault(kill=lambda kind, n: kind == "score_base" and n == 3),
    "server-killed-in-round": lambda: Fault(kill=lambda kind, n: kind == "train" and n == 7),
    "server-killed-in-selection": lambda: Fault(kill=lambda kind, n: kind == "select" and n == 2),
    "poisoned-round-on-disk": lambda: Fault(kill=lambda kind, n: kind == "train" and n == 6, between=poison),
}
SETTINGS: dict[str, Callable[[], object]] = {
    "setting-score-1e9": lambda: SelectionSettings(rule="score", score=1e9),
    "setting-client-is-a-path": lambda: job_from_dict({"clients": [{"name": "../b"}]}),
    "setting-krum-of-four": lambda: Job(
        clients=tuple(ClientSettings(n) for n in "abcd"), collaboration=CollaborationSettings(robust="krum")
    ),
}


def outcome(name: str, folder: Path) -> Outcome:
    """Make a fault happen, and see what comes of it."""
    expected = table()[name].expected
    if name in SETTINGS:
        try:
            SETTINGS[name]()
        except SettingError as error:
            return Outcome(name, "in-process", expected, "refused", False, str(error))
        return Outcome(name, "in-process", expected, "ended", True)
    try:
        run_folder, federation, grid, _ = run(folder, FAULTS[name]())
    except Exception as error:
        return Outcome(name, "in-process", expected, "ended", True, f"{type(error).__name__}: {error}")
    asked = [one for one in grid.asked if one[0] != LIAR]
    lost = not others_in_every_round(run_folder.path, set(OTHERS)) or len(set(asked)) < len(asked)
    return Outcome(name, "in-process", expected, _seen(run_folder, federation), lost, _why(run_folder, federation))


def _seen(folder: RunFolder, federation: Federation) -> Seen:
    if not whole(folder.path):
        return "ended"
    if federation.refused:
        return "refused"
    return "member named" if faults_of(folder.path, LIAR) else "survived"


def _why(folder: RunFolder, federation: Federation) -> str:
    told = sorted({f"{f.client} {f.step}: {f.code} {f.why}".strip() for f in folder.members.read().faults})
    return "; ".join([*told, *(f"{label}: {why}" for label, why in federation.refused.items())])

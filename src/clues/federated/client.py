"""What one client does when it is asked: score its rows, put them to the bar, train on them. Its rows stay here."""

from __future__ import annotations

import functools
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import clues
from clues.config import Job, PublicSettings
from clues.data.overlap import overlap
from clues.data.prepare import Prepared, prepare
from clues.data.rows import Message, Row
from clues.disk.writing import remove_unfinished
from clues.errors import NoRowsError, ReadingError
from clues.evaluation.labels import is_clean
from clues.federated.replies import ClientReply, HelloReply, ScoreReply, SelectReply, TrainReply
from clues.federated.tasks import Hello, PublicText, Score, ScoreBase, Select, Task, Train
from clues.federated.wire import Arrays, TaskError
from clues.folders.arm import Arm
from clues.folders.owner import OwnerFolder
from clues.folders.pins import Pins
from clues.folders.power import Power
from clues.folders.summary import Origin
from clues.models.adapters import adapter_state, load_adapter_state
from clues.models.base import LanguageModel, fingerprint
from clues.models.shared import shared_model
from clues.owner.decide import decide
from clues.owner.power import power_of_bar
from clues.owner.scored_by import own_domains
from clues.owner.scored_rows import ScoredRows
from clues.report.owner import write_owner_report
from clues.scoring.channel_folder import ChannelFolder
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.criteria import criteria_stated
from clues.scoring.store import rows_key
from clues.selection.bar import Bar
from clues.training.local import train


class Client:
    """A client with its own rows (`data`) and its own `folder`, where all that it computes stays."""

    def __init__(self, name: str, data: Path, folder: Path, job: Job) -> None:
        self.name, self.data, self.folder, self.job = name, data, folder, job
        self._own = OwnerFolder(folder)

    def run(self, task: Task) -> ClientReply:
        """Do a task. Raises TaskError with a code the server may know; whatever else is raised stays here."""
        started = time.monotonic()

        def seconds() -> float:
            return round(time.monotonic() - started, 3)

        match task:
            case Hello():
                return self._hello(task)
            case ScoreBase():
                return self._score_base(task, seconds)
            case Score():
                return self._score(task, seconds)
            case Select():
                return self._select(task, seconds)
            case Train():
                return self._train(task, seconds)
        raise TaskError("unknown-task")

    def log_error(self, error: BaseException) -> None:
        """Write an error with its details into this client's own log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._own.errors.open("a") as log:
            log.write("".join(traceback.format_exception(error)) + "\n")

    @functools.cached_property
    def lm(self) -> LanguageModel:
        """The shared model of this process."""
        return shared_model(self.job.model, self.job.adapter, self.job.seed)[0]

    @functools.cached_property
    def prepared(self) -> Prepared:
        """The client's rows with their tokens."""
        try:
            return prepare(self.data, self.lm.tokenizer, self.job.model.max_length, self.columns)
        except NoRowsError as error:
            raise TaskError("no-rows", str(error)) from error
        except ReadingError as error:
            raise TaskError("bad-data", str(error)) from error

    @property
    def columns(self) -> dict[str, str] | None:
        """The job's names for the parts of this client's rows, if it has any."""
        return next((client.columns.named for client in self.job.clients if client.name == self.name), None)

    @property
    def own_job(self) -> Job:
        """What `clues score --like` needs of the job, and nothing about other clients or the server."""
        domain = next((client.domain for client in self.job.clients if client.name == self.name), "")
        scoring = replace(self.job.scoring, own_domain=domain)
        return replace(self.job, scoring=scoring, clients=(), public=PublicSettings())

    def _hello(self, task: Hello) -> HelloReply:
        if task.clues not in ("", clues.__version__):
            raise TaskError("version", f"this is clues {clues.__version__}, and the server's is {task.clues}")
        if task.base not in ("", found := fingerprint(self.lm)):
            raise TaskError("other-model", f"the base weights have the fingerprint {found}, the server's {task.base}")
        return HelloReply(self.name)

    def _score_base(self, task: ScoreBase, seconds: Callable[[], float]) -> ScoreReply:
        remove_unfinished(self.folder)
        self._own.job.write(self.own_job)
        self._own.pins.write(Pins({"rows": self._rows_key}))
        self._own.questions.write(task.public)
        self._own.anchors.path.unlink(missing_ok=True)  # an earlier job's bar is none for these scores
        self._channels.score_base()
        return ScoreReply(**self._counts, seconds=seconds())

    def _score(self, task: Score, seconds: Callable[[], float]) -> ScoreReply:
        self._check_rows()
        checkpoint = Checkpoint.from_tensors(_tensors(task.checkpoint))
        checkpoint.save(self._own.checkpoint(task.number))  # for rows to come
        self._channels.score_under(task.number, checkpoint)
        return ScoreReply(**self._counts, seconds=seconds())

    def _select(self, task: Select, seconds: Callable[[], float]) -> SelectReply:
        self._check_rows()
        domains = own_domains(self.own_job)
        bar = Bar.from_arrays(task.bar, criteria_stated(task.criteria), task.left_out).weighed(domains)
        shared = overlap(self.prepared.rows, _public_rows(task.public))
        origin = Origin(self.name, self.job.hash, self.job.model.name, shared.counts, self.prepared.remarks())
        scored = ScoredRows.of(self.data, self.prepared, self._channels.channels(domains), self.columns)
        decisions = decide(self._own, scored, bar, task.settings, origin)
        self._own.power.write(Power(power_of_bar(bar), task.shading))
        write_owner_report(self.folder)
        return SelectReply(
            **self._counts,
            kept=decisions.kept,
            dropped=decisions.dropped,
            overlap=shared.rows,
            reasons=decisions.reasons,
            seconds=seconds(),
        )

    def _train(self, task: Train, seconds: Callable[[], float]) -> TrainReply:
        self._check_rows()
        encoded = [self.prepared.encoded[i] for i in self._rows_of(task.arm)]
        if not encoded:
            raise TaskError("no-rows", f"no row for the arm {task.arm.name}")
        share = len(encoded) / len(self.prepared.encoded) if task.arm.equal_epochs else 1
        steps, first = max(1, round(task.steps * share)), round(task.first_step * share)
        load_adapter_state(self.lm.model, _tensors(task.adapter))
        # The order of the rows belongs to the client and the job, so that arms differ in their rows alone.
        seed = self.job.seed * 2**32 + zlib.crc32(self.name.encode())
        loss = train(self.lm, encoded, self.job.training, steps=steps, first_step=first, seed=seed)
        adapter = {name: t.numpy() for name, t in adapter_state(self.lm.model).items()}
        return TrainReply(len(encoded), steps, loss, seconds(), adapter)

    def _check_rows(self) -> None:
        """Raises TaskError for rows that are not those which were scored: scores and decisions would be of others."""
        pins = self._own.pins.read_if_there()
        if pins is not None and pins.rows["rows"] != self._rows_key:
            raise TaskError("data-changed", f"{self.data}: its rows are not those that were scored in {self.folder}")

    @property
    def _rows_key(self) -> str:
        return rows_key(self.prepared.encoded, "")

    def _rows_of(self, arm: Arm) -> list[int]:
        rows = self.prepared.rows
        match arm.rows:
            case "all":
                return list(range(len(rows)))
            case "kept":
                kept = self._own.scores.read().kept
                return [i for i, row in enumerate(rows) if row.id in kept]
            case "clean":
                return [i for i, row in enumerate(rows) if is_clean(row)]

    @functools.cached_property
    def _channels(self) -> ChannelFolder:
        return ChannelFolder(self.lm, self.prepared, self._own.channels, self._own.questions.read())

    @property
    def _counts(self) -> dict[str, int]:
        p = self.prepared
        return {
            "rows": len(p.rows),
            "set_aside": len(p.set_aside),
            "duplicates": p.duplicates,
            "truncated": p.truncated,
        }


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.tensor(array) for name, array in arrays.items()}


def _public_rows(texts: tuple[PublicText, ...]) -> dict[str, list[Row]]:
    """The public sets as the server sends them, to find rows that are in them too."""
    sets: dict[str, list[Row]] = {}
    for text in texts:
        rows = sets.setdefault(text.set, [])
        messages = (Message("user", text.prompt), Message("assistant", text.response))
        rows.append(Row(messages, text.set, len(rows) + 1, {}))
    return sets

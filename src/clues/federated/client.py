"""What one client does when it is asked: train on its rows, score them, put them to the bar. Its rows stay here."""

from __future__ import annotations

import functools
import json
import time
import traceback
import zlib
from dataclasses import fields, replace
from pathlib import Path

import pyarrow.parquet as pq
import torch
from torch import Tensor

from clues.config import AdapterSettings, Job, ModelSettings, PublicSettings, SelectionSettings
from clues.data.overlap import overlap
from clues.data.prepare import Prepared, prepare
from clues.data.rows import Message, Row
from clues.disk.writing import write_json, write_toml
from clues.errors import NoRowsError, ReadingError
from clues.evaluation.labels import is_clean
from clues.federated.wire import ADAPTER, CRITERION, Result, Task, TaskError
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state
from clues.models.base import LanguageModel, load_base
from clues.owner.decide import judge
from clues.owner.power import power_of_bar
from clues.owner.scores import ScoredRows
from clues.report.owner import write_owner_report
from clues.scoring.channel_folder import ChannelFolder, read_questions, write_questions
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.criteria import Criterion, criteria_stated
from clues.scoring.domains import DomainWeights
from clues.selection.bar import Bar
from clues.training.local import train


@functools.cache
def shared_model(model: ModelSettings, adapter: AdapterSettings, seed: int) -> tuple[LanguageModel, dict[str, Tensor]]:
    """One base model with an adapter per process, and the adapter's weights at θ_0.

    Whoever uses the model sets the adapter's weights first: another may have trained it.
    """
    lm = add_adapter(load_base(model), adapter, seed)
    return lm, adapter_state(lm.model)


class Client:
    """A client with its own rows (`data`) and its own `folder`, where all that it computes stays."""

    def __init__(self, name: str, data: Path, folder: Path, job: Job) -> None:
        self.name, self.data, self.folder, self.job = name, data, folder, job

    def run(self, task: Task) -> Result:
        """Do a task. Raises TaskError with a code the server may know; whatever else is raised stays here."""
        started = time.monotonic()
        match task.name:
            case "hello":
                return Result(name=self.name)
            case "train":
                result = self._train(task)
            case "score":
                result = self._score(task)
            case "select":
                result = self._select(task)
            case _:
                raise TaskError("unknown-task")
        return replace(result, numbers={**result.numbers, "seconds": round(time.monotonic() - started, 3)})

    def log_error(self, error: BaseException) -> None:
        """Write an error with its details into this client's own log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "errors.log").open("a") as log:
            log.write("".join(traceback.format_exception(error)) + "\n")

    @functools.cached_property
    def lm(self) -> LanguageModel:
        """The shared model of this process."""
        return shared_model(self.job.model, self.job.adapter, self.job.seed)[0]

    @functools.cached_property
    def prepared(self) -> Prepared:
        """The client's rows with their tokens."""
        try:
            return prepare(self.data, self.lm.tokenizer, self.job.model.max_length)
        except NoRowsError as error:
            raise TaskError("no-rows", str(error)) from error
        except ReadingError as error:
            raise TaskError("bad-data", str(error)) from error

    def _train(self, task: Task) -> Result:
        arm, steps, first = str(task.settings["arm"]), int(task.settings["steps"]), int(task.settings["first_step"])  # type: ignore[arg-type]
        encoded = [self.prepared.encoded[i] for i in self._rows_of(arm)]
        if not encoded:
            raise TaskError("no-rows", f"no row for the arm {arm}")
        if arm.endswith("-epoch"):
            share = len(encoded) / len(self.prepared.encoded)
            steps, first = max(1, round(steps * share)), round(first * share)
        load_adapter_state(self.lm.model, _tensors(task, ADAPTER))
        # The order of the rows belongs to the client and the job, so that arms differ in their rows alone.
        seed = self.job.seed * 2**32 + zlib.crc32(self.name.encode())
        loss = train(self.lm, encoded, self.job.training, steps=steps, first_step=first, seed=seed)
        arrays = {ADAPTER + name: t.numpy() for name, t in adapter_state(self.lm.model).items()}
        return Result({"examples": len(encoded), "steps": steps, "train_loss": loss}, arrays)

    def _rows_of(self, arm: str) -> list[int]:
        rows = self.prepared.rows
        match arm.removesuffix("-epoch"):
            case "mixed":
                return list(range(len(rows)))
            case "clues":
                table = pq.read_table(self.folder / "scores.parquet", columns=["id", "keep"])
                kept = {row for row, keep in zip(*(c.to_pylist() for c in table.columns), strict=True) if keep}
                return [i for i, row in enumerate(rows) if row.id in kept]
            case "oracle":
                return [i for i, row in enumerate(rows) if is_clean(row)]
        raise TaskError("bad-task", f"unknown arm {arm}")

    @functools.cached_property
    def _scored(self) -> ChannelFolder:
        return ChannelFolder(self.lm, self.prepared, self.folder / "channels", read_questions(self.folder))

    @property
    def _domains(self) -> DomainWeights:
        own = next((c.domain for c in self.job.clients if c.name == self.name), "")
        return DomainWeights(own, self.job.scoring.other_domains)

    def _score(self, task: Task) -> Result:
        number = int(task.settings["checkpoint"])  # type: ignore[arg-type]
        if number == 0:
            self._note_job()
            write_questions(self.folder, json.loads(str(task.settings["questions"])))
            (self.folder / "anchors.json").unlink(missing_ok=True)  # an earlier job's bar is none for these scores
        if number == 0:
            self._scored.score_base()
        else:
            checkpoint = Checkpoint.from_tensors(_tensors(task))
            checkpoint.save(self.folder / "checkpoints" / f"{number}.safetensors")  # for rows to come
            self._scored.score_under(number, checkpoint)
        return Result(self._counts())

    def _note_job(self) -> None:
        """What `clues score --like` needs of the job, and nothing about other clients or the server."""
        scoring = replace(self.job.scoring, own_domain=self._domains.own)
        mine = replace(self.job, scoring=scoring, clients=(), public=PublicSettings())
        write_toml(mine.to_dict(), self.folder / "job.toml")

    def _counts(self) -> dict[str, int]:
        p = self.prepared
        counts = {"rows": len(p.rows), "set_aside": len(p.set_aside), "duplicates": p.duplicates}
        return {**counts, "truncated": p.truncated}

    def _select(self, task: Task) -> Result:
        settings = SelectionSettings(**{f.name: task.settings[f.name] for f in fields(SelectionSettings)})  # type: ignore[arg-type]
        bar = Bar.from_arrays(task.arrays, _criteria(task)).weighed(self._domains)
        shared = overlap(self.prepared.rows, _public_rows(task))
        about = {"name": self.name, "job": self.job.hash, "model": self.job.model.name, "overlap": shared.counts}
        scored = ScoredRows.of(self.data, self.prepared, self._scored.channels(self._domains))
        power = {"kinds": power_of_bar(bar), "shading": json.loads(str(task.settings["shading"]))}
        verdict = judge(self.folder, scored, bar, settings, about)
        write_json(power, self.folder / "power.json")
        write_owner_report(self.folder)
        reasons = {f"reason_{name}": count for name, count in verdict.reasons.items()}
        counts = {"kept": verdict.kept, "dropped": verdict.dropped, "overlap": shared.rows}
        return Result({**self._counts(), **counts, **reasons})


def _tensors(task: Task, prefix: str = "") -> dict[str, Tensor]:
    return {k.removeprefix(prefix): torch.tensor(a) for k, a in task.arrays.items() if k.startswith(prefix)}


def _criteria(task: Task) -> tuple[Criterion, ...]:
    columns = {k.removeprefix(CRITERION): list(map(str, v)) for k, v in task.settings.items()  # type: ignore[arg-type]
               if k.startswith(CRITERION)}  # fmt: skip
    return criteria_stated(columns)


def _public_rows(task: Task) -> dict[str, list[Row]]:
    """The public sets as the server sends them, to find rows that are in them too."""
    sets = json.loads(str(task.settings["public"]))
    return {
        name: [
            Row((Message("user", q), Message("assistant", a)), name, i, {}) for i, (q, a) in enumerate(pairs, start=1)
        ]
        for name, pairs in sets.items()
    }

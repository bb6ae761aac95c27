"""A client without a model, for the plumbing's tests: adds one to the adapter and counts rows that must never leave."""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clues.config import SelectionSettings
from clues.errors import WireError
from clues.federated.replies import ClientReply, HelloReply, ScoreReply, SelectReply, TrainReply
from clues.federated.tasks import Hello, PublicText, ScoreBase, Select, Task, Train
from clues.federated.wire import TaskError
from clues.folders.arm import CLUES
from clues.folders.power import Shading
from clues.scoring.public_answers import PublicAnswers

SECRET = "the patient in bed seven was told"
"""Stands for a row's text: no message may hold it."""


class ToyClient:
    """Does what `act` says, such as `raise at north` or `raise at north in score`; `calls` counts the tasks this object
    has run. To hello it always answers."""

    def __init__(self, name: str, folder: Path, act: str = "") -> None:
        self.name, self.folder, self.act, self.calls = name, folder, act, 0
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, task: Task) -> ClientReply:
        self.calls += 1
        with (self.folder / "calls.txt").open("a") as file:
            print(os.getpid(), self.calls, task.name, file=file)
        if isinstance(task, Hello):
            return HelloReply(self.name)
        self._act(self.act.removesuffix(f" in {task.name}"))
        match task:
            case Train():
                return TrainReply(3, 2, 0.5, 0.1, {name: array + 1 for name, array in task.adapter.items()})
            case Select():
                return SelectReply(3, 0, 0, 0, kept=2, dropped=1, overlap=0, reasons={"fluency": 1}, seconds=0.1)
        return ScoreReply(3, 0, 0, 0, seconds=0.1)

    def log_error(self, error: Exception) -> None:
        (self.folder / "errors.log").write_text("".join(traceback.format_exception(error)))

    def _act(self, act: str) -> None:
        if act == f"raise at {self.name}":
            raise RuntimeError(f"{self.folder / 'data.jsonl'}:3: {SECRET}")
        if act == f"no rows at {self.name}":
            raise TaskError("no-rows", f"{self.folder}: {SECRET}")
        if act == f"leak at {self.name}":
            raise WireError(f"row 3: {SECRET}")
        if act == f"die at {self.name}":
            os._exit(1)
        if act == f"sleep at {self.name}":
            time.sleep(600)
            (self.folder / "awake").touch()


@dataclass(frozen=True)
class Toys:
    """Builds toy clients, each in its own folder below `root`. Picklable, as the simulation needs."""

    root: Path
    act: str = ""

    def __call__(self, name: str) -> ToyClient:
        return ToyClient(name, self.root / name, self.act)


def score() -> ScoreBase:
    """A task to score."""
    return ScoreBase(PublicAnswers(("What is iron?", "What is salt?"), ("", "Yes")))


def select() -> Select:
    """A task to put rows to the bar."""
    bar = {"anchor/fluency.forward": np.zeros(8, np.float32), "good/fluency.forward": np.ones(4, np.float32)}
    public = (PublicText("anchors", "What is iron?", "A metal."), PublicText("test", "What is salt?", "A mineral."))
    return Select(SelectionSettings(), bar, {"fluency": ["fluency.forward"]}, (), public, Shading(0.75, 16))


def train(value: float = 0.0) -> Train:
    """A task to train one adapter matrix of this value."""
    return Train(CLUES, 2, 0, {"w": np.full((2, 3), value, np.float32)})

"""A client without a model, for the plumbing's tests: adds one to the adapter and counts rows that must never leave."""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clues.errors import WireError
from clues.federated.wire import ADAPTER, Result, Task, TaskError

SECRET = "the patient in bed seven was told"
"""Stands for a row's text: no message may hold it."""


class ToyClient:
    """Does what `settings["act"]` says; `calls` counts the tasks this object has run."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.calls = name, folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, task: Task) -> Result:
        self.calls += 1
        with (self.folder / "calls.txt").open("a") as file:
            print(os.getpid(), self.calls, task.name, file=file)
        if task.name == "hello":
            return Result({"rows": 3}, name=self.name)
        self._act(str(task.settings.get("act", "")))
        if task.name == "train":
            arrays = {key: array + 1 for key, array in task.arrays.items() if key.startswith(ADAPTER)}
            return Result({"examples": 3, "train_loss": 0.5}, arrays)
        return Result({"rows": 3, "kept": 2, "dropped": 1, "reason_fluency": 1})

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

    def __call__(self, name: str) -> ToyClient:
        return ToyClient(name, self.root / name)


def adapter(value: float = 0.0) -> dict[str, np.ndarray]:
    """A task's arrays: one adapter matrix, and a direction that stays."""
    shape = (2, 3)
    return {ADAPTER + "w": np.full(shape, value, np.float32), "direction/w": np.ones(shape, np.float32)}

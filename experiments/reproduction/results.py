"""What was measured, read from a run's folder or from what is committed, with a record of every file that was used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from experiments.reproduction.estimates import Measured
from experiments.reproduction.plan import BASE, Job
from experiments.reproduction.tables import Planned
from experiments.reproduction.worlds import World
from experiments.selection.read import Table

from clues.config import SettingError

COMMITTED = Path(__file__).parent.parent / "reproduced"
"""Copies of the arms' files, of what final models knew, and of how near their answers were to the references."""


@dataclass
class Results:
    """The files of arms and tables."""

    worlds: dict[str, World]
    folders: Sequence[Path]
    """Where arms may be: the first one that has a file counts."""
    tables: Path
    used: dict[str, str] = field(default_factory=dict)
    """Name of every file that was read -> its SHA-256."""

    def arm(self, world: str, seed: int, name: str) -> dict[str, Any] | None:
        """An arm's measures; None where it was not made. Raises SettingError for one made with other settings."""
        found = self._json(f"arms/{world}-{seed}/{name}.json")
        if found is not None:
            _check(found["facts"], self.worlds[world], seed, f"arms/{world}-{seed}/{name}.json")
        return found

    def has(self, name: str) -> bool:
        """Whether a file is there, by its name in a folder."""
        return any((folder / name).exists() for folder in self.folders)

    def measured(self, world: str, seed: int, name: str, measure: str = "nll") -> Measured | None:
        """An arm's values on the test rows: `nll`, `chosen`, `rouge_l` or `chrf`, with documents; None if not made."""
        found = self.arm(world, seed, name)
        if found is None or measure in ("rouge_l", "chrf"):
            found = self._json(f"written/{world}-{seed}/{name}.json")
        if found is None or measure not in found:
            return None
        values = np.array(found[measure])
        return values, found["documents"][: len(values)]

    def right(self, world: str, seed: int, name: str) -> dict[str, list[int]] | None:
        """Whether each question of every topic was answered rightly."""
        found = self._json(f"knowledge/{world}-{seed}/{name}.json")
        return found and found["right"]

    def written(self, world: str, seed: int, name: str) -> list[dict[str, str]]:
        """Some answers of an arm, to be read."""
        found = self._json(f"written/{world}-{seed}/{name}.json")
        return found["answers"] if found else []

    def table(self, planned: Planned) -> Table | None:
        """A channel table; None where it was not made. Raises SettingError for one made with other settings."""
        file = planned.file(self.tables)
        if not file.exists():
            return None
        self._record(f"channels/{file.name}", file.read_bytes())
        table = Table.load(file)
        _check(table.facts, planned.world, planned.seed, file.name)
        return table

    def job_tables(self, job: Job) -> list[Table]:
        """The tables that say which rows a job keeps; empty where one is missing."""
        found = [self.table(planned) for planned in job.tables]
        return [table for table in found if table is not None] if all(table is not None for table in found) else []

    def _json(self, name: str) -> dict[str, Any] | None:
        file = next((folder / name for folder in self.folders if (folder / name).exists()), None)
        if file is None:
            return None
        content = file.read_bytes()
        self._record(name, content)
        return json.loads(content)

    def _record(self, name: str, content: bytes) -> None:
        self.used[name] = hashlib.sha256(content).hexdigest()


def _check(facts: dict[str, Any], world: World, seed: int, name: str) -> None:
    """A table's file has the device beside the facts, and a client's own table its client."""
    today = json.loads(json.dumps(Planned(world, seed).facts()))
    for key, value in today.items():
        if key != "client" and facts.get(key) != value:
            raise SettingError(f"{name}: {key} was {facts.get(key)}, is now {value}; remove the file and make it anew")


def arm_name(method: str, how: str) -> str:
    """`<method>-<how>`, or the base, which was not trained."""
    return BASE if method == BASE else f"{method}-{how}"

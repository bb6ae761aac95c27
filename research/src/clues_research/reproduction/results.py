"""What was measured, read from a run's folder or from what is committed, with a record of every file that was used.

An arm of other settings, or of another selection than its tables make today, is refused; answers of another training
of an arm count as not made.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clues.errors import SettingError
from clues_research.reproduction.estimates import Measured
from clues_research.reproduction.plan import ALONE, BASE, FEDERATED, Job
from clues_research.reproduction.selections import counts
from clues_research.reproduction.tables import Planned
from clues_research.reproduction.worlds import World
from clues_research.selection.read import Table


@dataclass
class Results:
    """The files of arms and tables."""

    worlds: dict[str, World]
    folders: Sequence[Path]
    """Where arms may be: the first one that has a file counts."""
    tables: Path
    used: dict[str, str] = field(default_factory=dict)
    """Name of every file that was read -> its SHA-256."""
    sources: dict[str, Path] = field(default_factory=dict)
    """Name of every file that was ever read -> where it was."""
    devices: dict[str, str] = field(default_factory=dict)
    """Name of every arm's file that was read -> the machine that it was trained on."""
    _selected: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def arm(self, world: str, seed: int, name: str) -> dict[str, Any] | None:
        """An arm's measures; None where it was not made. Raises SettingError for one that does not belong here."""
        file = f"arms/{world}-{seed}/{name}.json"
        found = self._json(file)
        if found is not None:
            planned = Planned(self.worlds[world], seed)
            planned.check(found["facts"], str(self.sources[file]))
            self._check_selection(world, seed, name, found.get("selected"))
            if name != BASE:
                self.devices[file] = found["device"]
        return found

    def _check_selection(self, world: str, seed: int, name: str, selected: Mapping[str, Any] | None) -> None:
        """Rows kept by the arm against those that its tables make today. Raises SettingError if they differ."""
        method, _, how = name.rpartition("-")
        job = Job(self.worlds[world], seed, method or name, FEDERATED if how == FEDERATED else ALONE)
        if not job.tables:
            return
        for table in job.tables:
            if not table.file(self.tables).exists():
                raise SettingError(f"{table.file(self.tables)}: missing; {job.folder}/{name}.json was selected by it")
            self._record(f"channels/{table.name}.parquet", table.file(self.tables))
        if job.name not in self._selected:
            self._selected[job.name] = counts(self.job_tables(job), job.method)
        today = self._selected[job.name]
        before = {client: {key: own[key] for key in ("kept", "kept_clean")} for client, own in (selected or {}).items()}
        if today != before:
            raise SettingError(
                f"{self.sources[f'arms/{job.folder}/{name}.json']}: trained on other rows than its channel table "
                "selects now; remove the file and make it anew"
            )

    def has(self, name: str) -> bool:
        """Whether a file is there, by its name in a folder."""
        return any((folder / name).exists() for folder in self.folders)

    def measured(self, world: str, seed: int, name: str, measure: str = "nll") -> Measured | None:
        """An arm's values on the test rows: `nll`, `chosen`, `rouge_l` or `chrf`, with documents; None if not made."""
        found = self.arm(world, seed, name)
        if found is None or measure in ("rouge_l", "chrf"):
            found = self._of_arm("written", world, seed, name)
        if found is None or measure not in found:
            return None
        values = np.array(found[measure])
        return values, found["documents"][: len(values)]

    def right(self, world: str, seed: int, name: str) -> dict[str, list[int]] | None:
        """Whether each question of every topic was answered rightly."""
        found = self._of_arm("knowledge", world, seed, name)
        return found and found["right"]

    def written(self, world: str, seed: int, name: str) -> list[dict[str, str]]:
        """Some answers of an arm, to be read."""
        found = self._of_arm("written", world, seed, name)
        return found["answers"] if found else []

    def trained(self, world: str, seed: int, name: str) -> str:
        """The training that an arm's numbers come from, in 12 hex digits; empty where it was not made."""
        found = self._json(f"arms/{world}-{seed}/{name}.json")
        return fingerprint(found) if found else ""

    def current(self, what: str, world: str, seed: int, name: str) -> bool:
        """Whether what an arm wrote or knew is at hand, and of the training that its numbers come from."""
        found = self._json(f"{what}/{world}-{seed}/{name}.json")
        return found is not None and found["trained"] == self.trained(world, seed, name)

    def _of_arm(self, what: str, world: str, seed: int, name: str) -> dict[str, Any] | None:
        """What an arm wrote or knew; None where it was not made, or of another training."""
        return self._json(f"{what}/{world}-{seed}/{name}.json") if self.current(what, world, seed, name) else None

    def table(self, planned: Planned) -> Table | None:
        """A channel table; None where it was not made. Raises SettingError for one made with other settings."""
        file = planned.file(self.tables)
        if not file.exists():
            return None
        self._record(f"channels/{file.name}", file)
        table = Table.load(file)
        planned.check(table.facts, str(file))
        return table

    def job_tables(self, job: Job) -> list[Table]:
        """The tables that say which rows a job keeps; empty where one is missing."""
        found = [self.table(planned) for planned in job.tables]
        return [table for table in found if table is not None] if all(table is not None for table in found) else []

    def _json(self, name: str) -> dict[str, Any] | None:
        file = next((folder / name for folder in self.folders if (folder / name).exists()), None)
        if file is None:
            return None
        self._record(name, file)
        return json.loads(file.read_bytes())

    def _record(self, name: str, file: Path) -> None:
        self.used[name] = hashlib.sha256(file.read_bytes()).hexdigest()
        self.sources[name] = file

    def machines(self) -> dict[str, int]:
        """Machine -> arms that were read and trained on it."""
        return dict(Counter(device for file, device in self.devices.items() if file in self.used))


def fingerprint(arm: Mapping[str, Any]) -> str:
    """12 hex digits of what an arm's training came to: its likelihoods of all test rows."""
    return hashlib.sha256(json.dumps(arm["nll"]).encode()).hexdigest()[:12]


def arm_name(method: str, how: str) -> str:
    """`<method>-<how>`, or the base, which was not trained."""
    return BASE if method == BASE else f"{method}-{how}"

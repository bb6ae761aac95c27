"""What a fault came to: what was expected (docs/FAULTS.md), what was seen, and whether finished work was lost."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clues.folders.run import RunFolder

How = Literal["real", "in-process"]
Seen = Literal["survived", "refused", "member named", "ended", "not run"]
PAGE = Path(__file__).parents[2] / "docs" / "FAULTS.md"


@dataclass(frozen=True)
class Expected:
    """A line of the table."""

    how: str
    expected: str


def table() -> dict[str, Expected]:
    """Fault -> how it is made and what is expected, as the page has it."""
    lines = re.findall(
        r"^\| `([a-z0-9-]+)` \| .* \| (real|in-process) \| ([a-z ]+) \|$", PAGE.read_text(), re.MULTILINE
    )
    return {name: Expected(how, expected) for name, how, expected in lines}


@dataclass(frozen=True)
class Outcome:
    """A line of faults.json."""

    fault: str
    how: How
    expected: str
    seen: str
    lost_work: bool
    why: str = ""

    @property
    def as_expected(self) -> bool:
        return self.seen == self.expected and not self.lost_work


def whole(folder: Path) -> bool:
    """Whether a run has ended well: its page and its manifest are there, and every number of a loss is finite."""
    run = RunFolder(folder)
    if not (run.manifest.exists() and run.page.exists()):
        return False
    models = json.loads((folder / "metrics.json").read_text())["models"]
    return all(math.isfinite(m["test_nll"]) for ways in models.values() for m in ways.values())


def faults_of(folder: Path, client: str) -> set[str]:
    """Codes of a client's faults."""
    return {fault.code for fault in RunFolder(folder).members.read().faults if fault.client == client}


def others_in_every_round(folder: Path, clients: set[str]) -> bool:
    """Whether these clients' finished work is in every round of every arm."""
    for arm in RunFolder(folder).training.read().arms.values():
        for one in (*arm.rounds, *arm.alone):
            if any(name not in one.clients or one.clients[name].error for name in clients):
                return False
    return True

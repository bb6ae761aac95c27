"""members.json: what each client of a run has done, as its answers came, and what went wrong. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clues.folders.selection import ClientCounts


@dataclass(frozen=True)
class Member:
    """One client, as far as the server knows."""

    steps: tuple[str, ...] = ()
    """Passes over its rows that it has finished: `base`, `checkpoint-<k>`, `selection`."""
    rows: int | None = None
    """Rows it said it has; every later answer is held against this."""
    pace: Mapping[str, float] = field(default_factory=dict)
    """Task -> seconds a row (of training: a step) that its last answer took, as the server measured."""
    selected: ClientCounts | None = None
    """Its counts of the selection."""

    def with_step(self, step: str) -> Member:
        """The same with one pass more."""
        return self if step in self.steps else replace(self, steps=(*self.steps, step))


@dataclass(frozen=True)
class Fault:
    """What one client could not do, or did wrong."""

    step: str
    """`base`, `checkpoint-<k>`, `selection`, or `<arm> round <k>` and `<arm> alone`."""
    client: str
    code: str
    """An error code of the wire, or why its update was refused."""
    why: str = ""


@dataclass(frozen=True)
class Members:
    """The content of members.json."""

    clients: Mapping[str, Member] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    """In the order in which they came."""

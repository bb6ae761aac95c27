"""decisions.jsonl, the owner's word on single rows; and dropped.jsonl, what became of the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clues.data.rows import Record
from clues.disk.reading import read_text
from clues.disk.writing import write_text
from clues.errors import DecisionError, FolderError

DECISIONS = {"keep": True, "drop": False}
AUDITED = "judged good in clues audit"
"""The `why` of a decision that an audit wrote: such lines are its own to change."""


@dataclass(frozen=True)
class DroppedRow:
    """A line of dropped.jsonl: the record with its reason and the evidence; below 0 it looks like a spoiled answer."""

    id: str
    line: int
    reason: str
    p: float
    evidence: float | None
    """Of the worst criterion, nats; None where the owner dropped a row that no criterion judges."""
    record: Record
    """As it stands in the owner's file."""


@dataclass(frozen=True)
class DecisionsFile:
    """Lines with `id`, `decision` (keep or drop) and `why`, which the owner writes, if at all."""

    path: Path

    def read(self, ids: Sequence[str]) -> list[str]:
        """The decision on each of these rows: `keep`, `drop`, or empty. Raises DecisionError for a line it cannot
        apply."""
        decisions = dict.fromkeys(ids, "")
        for number, line in enumerate(self._lines(), start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                row, decision = entry["id"], entry["decision"]
            except (ValueError, KeyError, TypeError) as error:
                raise DecisionError(
                    f"{self.path}:{number}: a line needs id, decision and why as a JSON object"
                ) from error
            if row not in decisions or decision not in DECISIONS:
                raise DecisionError(
                    f"{self.path}:{number}: {row!r} {decision!r} is no row of this file with keep or drop"
                )
            if decisions[row] not in ("", decision):
                raise DecisionError(
                    f"{self.path}:{number}: {row!r} has two decisions, keep and drop; take one line out"
                )
            decisions[row] = decision
        return list(decisions.values())

    def keep_audited(self, verdicts: Mapping[str, str]) -> list[str]:
        """Put rows judged good in as keep, and take back those no longer judged so; the ids put there.

        An owner's own line on a row stands, and is neither changed nor overruled.
        """
        lines = self._lines()
        own = [line for line in lines if line.strip() and _field(line, "why") != AUDITED]
        decided = {_field(line, "id") for line in own}
        good = [name for name, verdict in verdicts.items() if verdict == "good" and name not in decided]
        new = own + [json.dumps({"id": name, "decision": "keep", "why": AUDITED}, ensure_ascii=False) for name in good]
        if new != lines:
            write_text("".join(f"{line}\n" for line in new), self.path)
        return good

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        try:
            return read_text(self.path).removesuffix("\n").split("\n")
        except FolderError as error:
            raise DecisionError(str(error)) from error


def _field(line: str, name: str) -> object:
    """Of a line; one that is no object is left for `read` to complain about."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None

"""audit.jsonl: a sample of the dropped rows as a person reads and fills it in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from clues.disk.reading import read_text
from clues.disk.writing import write_jsonl
from clues.errors import AuditError, FolderError
from clues.folders.files import to_json

VERDICTS = ("bad", "good", "")


@dataclass(frozen=True)
class AuditLine:
    """A row of the sample. A person changes the verdict alone; what else is in the file helps to find it."""

    id: str
    line: int
    reason: str
    seed: int
    """The same in all lines: which sample it is."""
    prompt: str
    """The turns to the model."""
    response: str
    """The turns of the model."""
    verdict: str
    """`bad` (rightly dropped), `good`, or empty while nobody has read it."""


@dataclass(frozen=True)
class AuditFile:
    """The file of them, which people edit: what is wrong in it is told by its line."""

    path: Path

    def write(self, lines: Sequence[AuditLine]) -> None:
        """All lines, whole or not at all."""
        write_jsonl(map(to_json, lines), self.path)

    def read(self) -> list[AuditLine]:
        """The lines as people left them; none without the file. Raises AuditError naming a bad line."""
        if not self.path.exists():
            return []
        try:
            lines = read_text(self.path).split("\n")
        except FolderError as error:
            raise AuditError(str(error)) from error
        return [_parsed(line, f"{self.path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _parsed(line: str, where: str) -> AuditLine:
    try:
        entry: Any = json.loads(line)
    except ValueError as error:
        raise AuditError(
            f"{where} is not JSON ({error}); only the verdict between its quotes needs to change"
        ) from error
    types = {"id": str, "seed": int, "verdict": str}
    if not isinstance(entry, dict) or any(type(entry.get(key)) is not kind for key, kind in types.items()):
        raise AuditError(f"{where}: a line needs id and verdict as text and seed as a whole number")
    if entry["verdict"] not in VERDICTS:
        said = json.dumps(entry["verdict"], ensure_ascii=False)
        raise AuditError(f'{where}: the verdict is {said}; write "bad" or "good", or leave it empty')
    found: dict[str, Any] = {"line": 0, "reason": "", "prompt": "", "response": ""}  # people may take these out
    return AuditLine(**found | {field.name: entry[field.name] for field in fields(AuditLine) if field.name in entry})

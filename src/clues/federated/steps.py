"""Which steps of a run are done, so that a resumed one starts none again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Steps:
    """An empty file in `folder` for each step that is done."""

    folder: Path

    def done(self, step: str) -> bool:
        return (self.folder / step).exists()

    def mark(self, step: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / step).touch()

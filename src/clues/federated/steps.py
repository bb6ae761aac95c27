"""Which steps of a run are done, so that a resumed one starts none again."""

from __future__ import annotations

from dataclasses import dataclass

from clues.folders.run import RunFolder


@dataclass(frozen=True)
class Steps:
    """An empty file in the folder of a run for each step that is done."""

    folder: RunFolder

    def done(self, step: str) -> bool:
        return self.folder.step(step).exists()

    def mark(self, step: str) -> None:
        file = self.folder.step(step)
        file.parent.mkdir(exist_ok=True)
        file.touch()

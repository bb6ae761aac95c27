"""Names of files as attributes of a folder's class, so that they stand once and can be listed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

F = TypeVar("F")
_PLACEHOLDER = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Folder:
    """A folder of files that clues knows by name."""

    path: Path

    @classmethod
    def names(cls) -> list[str]:
        """Every file there may be, as docs/FORMATS.md writes it; what ends in / is a folder of files."""
        return [entry.name for entry in vars(cls).values() if isinstance(entry, Named | Each)]


@dataclass(frozen=True)
class Named(Generic[F]):
    """A file of one name."""

    name: str
    kind: Callable[[Path], F]

    def __get__(self, folder: Folder, _owner: type | None = None) -> F:
        return self.kind(folder.path / self.name)


@dataclass(frozen=True)
class Each(Generic[F]):
    """Files of a kind: called with what stands for the placeholders in their name, in its order."""

    name: str
    kind: Callable[[Path], F]

    def __get__(self, folder: Folder, _owner: type | None = None) -> Callable[..., F]:
        def file(*values: str | int) -> F:
            given = iter(values)
            return self.kind(folder.path / _PLACEHOLDER.sub(lambda _: str(next(given)), self.name))

        return file

"""selection.json: counts of a run's selection, as the clients sent them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clues.config import SelectionSettings
from clues.folders.files import FLAT


@dataclass(frozen=True)
class ClientCounts:
    """Of one client; it may report none of the last four."""

    rows: int
    kept: int
    dropped: int
    reasons: Mapping[str, int]
    """Dropped rows per reason."""
    set_aside: int | None = None
    duplicates: int | None = None
    truncated: int | None = None
    overlap: int | None = None
    """Rows that share something with a public set."""


@dataclass(frozen=True)
class Unseen:
    """Clean rows of a source that has no anchors."""

    source: str
    rows: int
    kept: int


@dataclass(frozen=True)
class SelectionSummary:
    """The content of selection.json."""

    settings: SelectionSettings = field(metadata=FLAT)
    anchors: int
    clients: Mapping[str, ClientCounts]
    unseen: Unseen | None = None

"""client.json: what may be told about a file in counts, and what to know before trusting them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clues.config import SelectionSettings
from clues.data.remarks import Remark
from clues.folders.files import FLAT
from clues.selection.cautions import Caution


@dataclass(frozen=True)
class Origin:
    """Whose rows were scored, and under which job."""

    name: str
    """The client's pseudonym; alone, the file's name."""
    job: str
    """Hash of the job."""
    model: str
    overlap: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Public set -> kind of likeness -> rows that also stand in the set."""
    remarks: tuple[Remark, ...] = ()
    """What must be known of how the rows, and the public rows beside them, were read."""


@dataclass(frozen=True)
class Decisions:
    """What was decided on a file's rows, in counts."""

    rows: int
    kept: int
    dropped: int
    set_aside: int
    reasons: Mapping[str, int]
    """Dropped rows per reason."""
    without_verdict: int = 0
    """Rows that nothing judges that can be seen here; they are kept."""


@dataclass(frozen=True)
class ClientSummary:
    """The content of client.json; the first three stand flat in it."""

    origin: Origin = field(metadata=FLAT)
    decisions: Decisions = field(metadata=FLAT)
    settings: SelectionSettings = field(metadata=FLAT)
    source: str
    """The owner's file, by its full path."""
    columns: Mapping[str, str]
    """The owner's names for the parts of a row, where they are unusual."""
    duplicates: int
    truncated: int
    decided_by_owner: int
    anchors: int
    warnings: tuple[Caution, ...]

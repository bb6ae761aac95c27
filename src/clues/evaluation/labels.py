"""What is known about the quality of a row: the label that an edit leaves in its record.

Nothing else in clues reads the label, so no score and no selection can depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from clues.data.damage.labelled import LABEL
from clues.data.damage.spoil import HARMLESS
from clues.data.rows import Row
from clues.errors import MissingLabelError

CLEAN = "clean"


def kind(row: Row) -> str:
    """The kind of edit done to a row, or `clean`. Raises MissingLabelError where no label was left."""
    label = row.record.get(LABEL)
    if not isinstance(label, str) or not label:
        raise MissingLabelError(
            f"{row.file}:{row.line}: no `{LABEL}`, so it is unknown whether this row is clean; "
            f"measure on rows written by `clues corrupt` or add `{LABEL}` (`{CLEAN}` or a kind of damage) to every row"
        )
    return label


def is_clean(row: Row) -> bool:
    """Whether the row is good. Raises MissingLabelError where no label was left."""
    return is_good(kind(row))


def is_good(kind: str) -> bool:
    """Whether rows of this kind are good: left as they were, or edited in a way that leaves an answer good."""
    return kind == CLEAN or kind in HARMLESS


def clean_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows an Oracle trains on, in their order. Raises MissingLabelError at the first row without a label."""
    return [row for row in rows if is_clean(row)]

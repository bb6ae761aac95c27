"""Which criteria a row can fail: a label has no end to be cut off, and free text is no label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clues.data.rows import Row
from clues.data.short_answers import ShortAnswers, size
from clues.scoring.channel import APPLIES, FREE, TASK, Channel
from clues.scoring.criteria import OURS, Criterion

WHOLE_TEXTS = {"deletion": 2, "cut": 2, "repetition": 1, "exchange": 1}
"""What free text is spoiled by -> pieces that some answer of a row needs for it."""


def fits(criterion: Criterion, row: Row, short: ShortAnswers) -> bool:
    """Whether a row is judged by a criterion. A short answer of a task that public rows show is judged by its label,
    any other text by all but that; a criterion that a package brings judges all."""
    return _fits(criterion, short.task_of(row.prompt, row.responses), _longest(row))


def applicable(rows: Sequence[Row], short: ShortAnswers) -> dict[str, np.ndarray]:
    """Columns: the task of each row, and 1 for each of our criteria that judges it, else 0; float32 [rows] each."""
    tasks = [short.task_of(row.prompt, row.responses) for row in rows]
    longest = [_longest(row) for row in rows]
    found = {TASK.column: np.array([FREE if task is None else task for task in tasks], np.float32)}
    for c in OURS:
        whether = [_fits(c, task, pieces) for task, pieces in zip(tasks, longest, strict=True)]
        found[Channel(c.name, APPLIES).column] = np.array(whether, np.float32)
    return found


def _longest(row: Row) -> int:
    """Pieces of its longest answer."""
    return max(map(size, row.responses))


def _fits(criterion: Criterion, task: int | None, pieces: int) -> bool:
    if criterion.spoiling == "label":
        return task is not None
    if not isinstance(criterion.spoiling, str) or criterion.spoiling not in WHOLE_TEXTS:
        return True
    return task is None and pieces >= WHOLE_TEXTS[criterion.spoiling]

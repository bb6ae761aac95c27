"""Tables of rows in their channels, as criteria read them."""

from __future__ import annotations

import numpy as np

from clues.errors import SelectionError
from clues.scoring.channel import APPLIES, Channel, Channels
from clues.scoring.criteria import Criterion
from clues.scoring.forward import on_its_scale


def judges(criterion: Criterion, table: Channels) -> np.ndarray:
    """[rows] bool, which rows of a table a criterion judges; all where the table does not say."""
    column = Channel(criterion.name, APPLIES).column
    return np.asarray(table[column]) > 0 if column in table else np.ones(count(table), bool)


def count(table: Channels) -> int:
    """Rows of a table."""
    return len(next(iter(table.values())))


def public_values(table: Channels, criterion: Criterion, some: np.ndarray) -> np.ndarray:
    """`values` of some public rows ([rows] bool). Raises SelectionError for one without a value in a channel."""
    found = values(table, criterion)[some]
    if not np.isfinite(found).all():
        odd = criterion.columns[int(np.argmin(np.isfinite(found).all(axis=0)))]
        raise SelectionError(f"a public row has no value in channel {odd}; public rows must not be truncated")
    return found


def values(table: Channels, criterion: Criterion) -> np.ndarray:
    """[rows, C] each channel that a criterion counts, on its scale. Raises SelectionError for one that is missing."""
    for channel in criterion.channels:
        if channel.column not in table:
            raise SelectionError(
                f"channel {channel.column} is missing; score the rows with the same settings as the anchors"
            )
    scaled = (on_its_scale(channel, np.asarray(table[channel.column], float)) for channel in criterion.channels)
    return np.stack(list(scaled), axis=1)

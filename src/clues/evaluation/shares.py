"""Shares of a selection as metrics.json has them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clues.folders.metrics import Shares
from clues.statistics.shares import selection_shares


def shares_of(keep: NDArray[np.bool_], clean: NDArray[np.bool_]) -> Shares:
    """`selection_shares` of masks [N]."""
    return Shares(**cast(Any, selection_shares(keep, clean)))

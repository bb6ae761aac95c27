"""Shares of counted rows with exact intervals, and the shares a selection is measured by. Positive = clean = kept.

Every interval of a share, in every file, on every page and in the terminal, is Clopper and Pearson's (1934): it holds
the true share in at least 95 % of draws, however few the rows. Wilson's is narrower and holds it in 95 % on average
only: in fewer where a share is near 0 or 1, which is where the shares of caught and of lost rows lie. Too wide an
interval costs a reader less than one that promises too much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from clues.statistics.bootstrap import CONFIDENCE


def share(name: str, count: int, total: int) -> dict[str, float | None]:
    """`name`, `name_low` and `name_high`: count / total with its Clopper-Pearson interval; None of nothing."""
    if not total:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    bounds = binomtest(count, total).proportion_ci(CONFIDENCE, method="exact")
    return {name: count / total, f"{name}_low": float(bounds.low), f"{name}_high": float(bounds.high)}


def selection_shares(keep: NDArray[np.bool_], clean: NDArray[np.bool_]) -> dict[str, float | None]:
    """Counts, precision, recall, F1, accuracy and the share of good rows among the dropped, from masks [N].

    A share of nothing (precision where nothing was kept) is None.
    """
    rows, kept, good = len(keep), int(keep.sum()), int(clean.sum())
    both, neither = int((keep & clean).sum()), int((~keep & ~clean).sum())
    return {
        "rows": rows,
        "clean": good,
        "kept": kept,
        **share("precision", both, kept),
        **share("recall", both, good),
        "f1": 2 * both / (kept + good) if kept + good else None,
        **share("accuracy", both + neither, rows),
        **share("good_among_dropped", good - both, rows - kept),
    }

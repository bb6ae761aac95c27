"""Rows that were scored several times, each time at another state of the model, and what they add up to.

N rows, W windows, C channels, P pairs of a row and a window it occurred in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

SMALLEST_WEIGHT = 1e-30
"""Added to every learning rate: rows met only while it was 0 are averaged without weights."""

Pattern = tuple[tuple[int, int], ...]
"""The windows a row occurred in, each with how often."""


@dataclass(frozen=True)
class Sums:
    """Rows and their weighted sums per window, sorted by row and window."""

    keys: list[str]
    """[N]"""
    start: np.ndarray
    """[N] the first pair of each row"""
    window: np.ndarray
    """[P]"""
    count: np.ndarray
    """[P] occurrences"""
    weight: np.ndarray
    """[P] Σ η"""
    scores: np.ndarray
    """[P, C] Σ η s"""

    @staticmethod
    def of(occurrences: pa.Table, channels: Sequence[str]) -> Sums:
        """Add up scored occurrences with columns `key`, `window`, `learning_rate` and the channels."""
        weight = occurrences["learning_rate"].to_numpy() + SMALLEST_WEIGHT
        terms = {name: weight * occurrences[name].to_numpy() for name in channels}
        table = pa.table({"key": occurrences["key"], "window": occurrences["window"], "weight": weight, **terms})
        what = [("weight", "sum"), ("weight", "count"), *((name, "sum") for name in channels)]
        found = table.group_by(["key", "window"]).aggregate(what)
        found = found.sort_by([("key", "ascending"), ("window", "ascending")])
        keys, start = np.unique(found["key"].to_numpy(), return_index=True)
        window, count, weights = (found[name].to_numpy() for name in ("window", "weight_count", "weight_sum"))
        scores = np.stack([found[f"{name}_sum"].to_numpy() for name in channels], axis=1)
        return Sums(keys.tolist(), start, window, count, weights, scores)

    @property
    def traces(self) -> np.ndarray:
        """[N, C] the weighted mean over all occurrences."""
        return np.add.reduceat(self.scores, self.start) / np.add.reduceat(self.weight, self.start)[:, None]

    @property
    def occurrences(self) -> np.ndarray:
        """[N]"""
        return np.add.reduceat(self.count, self.start)

    @property
    def patterns(self) -> dict[Pattern, list[int]]:
        """Rows by the windows they occurred in."""
        rows: dict[Pattern, list[int]] = defaultdict(list)
        stops = [*self.start[1:], len(self.window)]
        for row, (start, stop) in enumerate(zip(self.start, stops, strict=True)):
            windows = zip(self.window[start:stop].tolist(), self.count[start:stop].tolist(), strict=True)
            rows[tuple(windows)].append(row)
        return rows

    def traces_over(self, pattern: Pattern) -> np.ndarray:
        """[N, C] for public rows, which occur once in every window: the mean over a pattern's windows."""
        windows = self.window[: len(self.window) // len(self.keys)]
        times = np.zeros(len(windows))
        times[np.searchsorted(windows, [window for window, _ in pattern])] = [count for _, count in pattern]
        weight = self.weight.reshape(len(self.keys), -1) * times
        scores = self.scores.reshape(*weight.shape, -1) * times[:, None]
        return scores.sum(1) / weight.sum(1, keepdims=True)

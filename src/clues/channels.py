"""Rows, scored step by step, with a folder that keeps what is done: a killed run scores nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from clues.checkpoint import Checkpoint, score_base, score_spoiled, score_under, trace
from clues.data.prepare import Prepared
from clues.models.base import LanguageModel
from clues.scores import write_explanations
from clues.scoring.passes import Advance
from clues.scoring.store import load_channels, rows_key, save_channels
from clues.scoring.validation import Validation
from clues.selection.bar import Bar


class ChannelFolder:
    """Channels of prepared rows in `folder/base.parquet` and `folder/checkpoint-<k>.parquet`."""

    def __init__(self, lm: LanguageModel, prepared: Prepared, folder: Path) -> None:
        self.lm, self.prepared, self.folder = lm, prepared, folder

    def score_base(self, advance: Advance = lambda _rows: None) -> None:
        """Forward channels and their token terms under the base model; `advance` counts each row twice."""

        def score() -> dict[str, np.ndarray]:
            forward = score_base(self.lm, self.prepared.rows, self.prepared.encoded, advance)
            write_explanations(self.folder / "explanations.parquet", self.prepared, forward)
            return forward.channels

        self._once("base", "base", score)

    def score_under(self, number: int, checkpoint: Checkpoint, advance: Advance = lambda _rows: None) -> None:
        """Gradient channels under checkpoint `number`."""
        self._once(
            f"checkpoint-{number}",
            checkpoint.key,
            lambda: score_under(self.lm, checkpoint, self.prepared.encoded, advance),
        )

    def channels(self) -> dict[str, np.ndarray]:
        """All that is scored: channels of the base, channels at each checkpoint, and their trace. [rows] each.

        Raises FileNotFoundError before `score_base`.
        """
        base = _read(self.folder / "base.parquet")
        files = self.folder.glob("checkpoint-*.parquet")
        tables = {int(file.stem.removeprefix("checkpoint-")): _read(file) for file in files}
        return base | (trace(tables) if tables else {})

    def _once(self, name: str, checkpoint_key: str, score: Callable[[], dict[str, np.ndarray]]) -> None:
        file, key = self.folder / f"{name}.parquet", rows_key(self.prepared.encoded, checkpoint_key)
        if load_channels(file, key) is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_channels(file, score(), key)


class SpoiledFolder(ChannelFolder):
    """The spoiled copies of the public validation rows, whose gradient channels need directions made without them."""

    def __init__(self, lm: LanguageModel, validation: Validation, folder: Path) -> None:
        super().__init__(lm, validation.all_spoiled, folder)
        self.validation = validation

    def score_under(self, number: int, checkpoint: Checkpoint, advance: Advance = lambda _rows: None) -> None:
        """Gradient channels under checkpoint `number`."""
        self._once(
            f"checkpoint-{number}",
            checkpoint.key,
            lambda: score_spoiled(self.lm, checkpoint, self.validation, advance),
        )


def bar_of(anchors: ChannelFolder, spoiled: SpoiledFolder) -> Bar:
    """The bar from the scored public rows."""
    by_criterion: dict[str, dict[str, np.ndarray]] = {name: {} for name in spoiled.validation.spoiled}
    for channel, values in spoiled.channels().items():
        for criterion, part in spoiled.validation.by_criterion(values).items():
            by_criterion[criterion][channel] = part
    return Bar(anchors.channels(), by_criterion)


def _read(file: Path) -> dict[str, np.ndarray]:
    table = pq.read_table(file)
    return {name: table[name].to_numpy() for name in table.column_names}

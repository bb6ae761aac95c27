"""Rows, scored step by step, with a folder that keeps what is done: a killed run scores nothing twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from clues.data.prepare import Prepared
from clues.models.base import LanguageModel
from clues.scoring.base_pass import score_base
from clues.scoring.channel import SCORE, Channel
from clues.scoring.checkpoint import Checkpoint, score_under, score_validation, trace
from clues.scoring.domains import ALIKE, DomainWeights
from clues.scoring.forward import Forward
from clues.scoring.margins import rivals_of
from clues.scoring.passes import RowsDone
from clues.scoring.public_answers import NOTHING_PUBLIC, PublicAnswers
from clues.scoring.scorer import Score
from clues.scoring.store import channel_table, load_channels, score_in_shards
from clues.scoring.validation import Validation

BASE, EXPLANATIONS, CHECKPOINT = "base", "explanations", "checkpoint-"
"""Stems of a folder's files: what was read under the base model, and before the number of a checkpoint."""


class ChannelFolder:
    """Channels of prepared rows in `folder/base.parquet` and `folder/checkpoint-<k>.parquet`."""

    def __init__(
        self, lm: LanguageModel, prepared: Prepared, folder: Path, public: PublicAnswers = NOTHING_PUBLIC
    ) -> None:
        """`public`: of the validation rows; `score_base` reads answers under their questions too."""
        self.lm, self.prepared, self.folder, self.public = lm, prepared, folder, public

    @property
    def explanations(self) -> Path:
        """The file with the token terms of the forward channels."""
        return self.folder / f"{EXPLANATIONS}.parquet"

    def score_base(self, advance: RowsDone = lambda _rows: None) -> None:
        """Forward channels and their token terms under the base model; `advance` counts each row in each pass."""

        def score(shard: slice) -> tuple[pa.Table, pa.Table]:
            part = Prepared(self.prepared.rows[shard], self.prepared.encoded[shard], [])
            forward = score_base(self.lm, part.rows, part.encoded, self.public, advance)
            return channel_table(forward.channels), explanation_table(part, forward)

        key = hashlib.sha256(repr(self.public).encode()).hexdigest()[:16]
        score_in_shards(self.folder, (BASE, EXPLANATIONS), self.prepared.encoded, key, score)

    def score_under(self, number: int, checkpoint: Checkpoint, advance: RowsDone = lambda _rows: None) -> None:
        """Gradient channels under checkpoint `number`."""

        def score(shard: slice) -> tuple[pa.Table]:
            return (channel_table(self._under(checkpoint, shard, advance)),)

        score_in_shards(self.folder, (f"{CHECKPOINT}{number}",), self.prepared.encoded, checkpoint.key, score)

    def _under(self, checkpoint: Checkpoint, shard: slice, advance: RowsDone) -> dict[str, np.ndarray]:
        rows, encoded, short = self.prepared.rows[shard], self.prepared.encoded[shard], self.public.short
        return score_under(self.lm, checkpoint, encoded, advance, rivals_of(rows, encoded, short, self.lm))

    def score_by(
        self, scorer: str, number: int | None, key: str, score: Score, advance: RowsDone = lambda _rows: None
    ) -> None:
        """The scores of a scorer under checkpoint `number`, or under the base; `key` is of all that made them."""
        column, file = Channel(scorer, SCORE).column, BASE if number is None else f"{CHECKPOINT}{number}"

        def table(shard: slice) -> tuple[pa.Table]:
            part = Prepared(self.prepared.rows[shard], self.prepared.encoded[shard], [])
            return (channel_table({column: score(part, advance)}),)

        score_in_shards(self.folder, (file,), self.prepared.encoded, key, table)

    def channels(self, domains: DomainWeights = ALIKE) -> dict[str, np.ndarray]:
        """All that is scored: channels of the base, channels at each checkpoint, and their trace. [rows] each.

        `domains` weighs the channels of the public rows' domains, if they have any.

        Raises FileNotFoundError before anything is scored.
        """
        files = sorted(self.folder.glob(f"{CHECKPOINT}*.parquet"))
        tables = {int(file.stem.removeprefix(CHECKPOINT)): load_channels(file) for file in files}
        base_file = self.folder / f"{BASE}.parquet"
        by_scorer = tables and not base_file.exists()  # one that needs no base
        base = {} if by_scorer else load_channels(base_file)
        return domains.weigh(base | (trace(tables) if tables else {}))


class ValidationFolder(ChannelFolder):
    """The public validation rows and their spoiled copies; each needs directions that were made without it."""

    def __init__(self, lm: LanguageModel, validation: Validation, folder: Path) -> None:
        super().__init__(lm, validation.all_rows, folder, validation.answers)
        self.validation = validation

    def _under(self, checkpoint: Checkpoint, shard: slice, advance: RowsDone) -> dict[str, np.ndarray]:
        return score_validation(self.lm, checkpoint, self.validation, advance, shard)


def explanation_table(prepared: Prepared, forward: Forward) -> pa.Table:
    """explanations.parquet: what each response token adds to the forward channels, with its place in the response."""
    spans = [np.array(e.spans).reshape(-1, 2) for e in prepared.encoded]
    columns = {
        "id": [r.id for r in prepared.rows],
        "start": [s[:, 0] for s in spans],
        "end": [s[:, 1] for s in spans],
        **forward.terms,
    }
    return pa.table(columns)

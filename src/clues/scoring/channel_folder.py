"""Rows, scored step by step, with a folder that keeps what is done: a killed run scores nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from clues.data.prepare import Prepared
from clues.disk.writing import write_json
from clues.models.base import LanguageModel
from clues.scoring.checkpoint import Checkpoint, score_base, score_under, score_validation, trace
from clues.scoring.domains import ALIKE, DomainWeights
from clues.scoring.forward import Forward
from clues.scoring.passes import Advance
from clues.scoring.scorer import Score
from clues.scoring.store import channel_table, load_channels, score_in_shards
from clues.scoring.validation import Validation

QUESTIONS = "questions.json"
"""In an owner's folder: the questions of the public validation rows, which rows to come are read under too."""


def write_questions(folder: Path, questions: Sequence[str]) -> None:
    """Keep the public questions in an owner's folder."""
    write_json({"questions": list(questions)}, folder / QUESTIONS)


def read_questions(folder: Path) -> list[str]:
    """The public questions that an owner's folder keeps."""
    return json.loads((folder / QUESTIONS).read_text())["questions"]


class ChannelFolder:
    """Channels of prepared rows in `folder/base.parquet` and `folder/checkpoint-<k>.parquet`."""

    def __init__(self, lm: LanguageModel, prepared: Prepared, folder: Path, questions: Sequence[str] = ()) -> None:
        """`questions` are those of the public validation rows; `score_base` reads answers under them too."""
        self.lm, self.prepared, self.folder, self.questions = lm, prepared, folder, questions

    def score_base(self, advance: Advance = lambda _rows: None) -> None:
        """Forward channels and their token terms under the base model; `advance` counts each row in each pass."""

        def score(shard: slice) -> tuple[pa.Table, pa.Table]:
            part = Prepared(self.prepared.rows[shard], self.prepared.encoded[shard], [])
            forward = score_base(self.lm, part.rows, part.encoded, self.questions, advance)
            return channel_table(forward.channels), explanation_table(part, forward)

        key = hashlib.sha256(repr(list(self.questions)).encode()).hexdigest()[:16]
        score_in_shards(self.folder, ("base", "explanations"), self.prepared.encoded, key, score)

    def score_under(self, number: int, checkpoint: Checkpoint, advance: Advance = lambda _rows: None) -> None:
        """Gradient channels under checkpoint `number`."""

        def score(shard: slice) -> tuple[pa.Table]:
            return (channel_table(self._under(checkpoint, shard, advance)),)

        score_in_shards(self.folder, (f"checkpoint-{number}",), self.prepared.encoded, checkpoint.key, score)

    def _under(self, checkpoint: Checkpoint, shard: slice, advance: Advance) -> dict[str, np.ndarray]:
        return score_under(self.lm, checkpoint, self.prepared.encoded[shard], advance)

    def score_by(self, name: str, file: str, key: str, score: Score, advance: Advance = lambda _rows: None) -> None:
        """The scores of a scorer as the channel `name` in `folder/<file>.parquet`; `key` is of all that made it."""

        def table(shard: slice) -> tuple[pa.Table]:
            part = Prepared(self.prepared.rows[shard], self.prepared.encoded[shard], [])
            return (channel_table({name: score(part, advance)}),)

        score_in_shards(self.folder, (file,), self.prepared.encoded, key, table)

    def channels(self, domains: DomainWeights = ALIKE) -> dict[str, np.ndarray]:
        """All that is scored: channels of the base, channels at each checkpoint, and their trace. [rows] each.

        `domains` weighs the channels of the public rows' domains, if they have any.

        Raises FileNotFoundError before anything is scored.
        """
        files = sorted(self.folder.glob("checkpoint-*.parquet"))
        by_scorer = files and not (self.folder / "base.parquet").exists()  # one that needs no base
        base = {} if by_scorer else load_channels(self.folder / "base.parquet")
        tables = {int(file.stem.removeprefix("checkpoint-")): load_channels(file) for file in files}
        return domains.weigh(base | (trace(tables) if tables else {}))


class ValidationFolder(ChannelFolder):
    """The public validation rows and their spoiled copies; each needs directions that were made without it."""

    def __init__(self, lm: LanguageModel, validation: Validation, folder: Path) -> None:
        super().__init__(lm, validation.all_rows, folder, validation.questions)
        self.validation = validation

    def _under(self, checkpoint: Checkpoint, shard: slice, advance: Advance) -> dict[str, np.ndarray]:
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

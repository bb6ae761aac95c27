"""A window of a training: some steps that share one set of directions, and all that was scored in them.

Every public row is scored once in every window, at a step drawn at random: so it meets the same states of the model as
the training rows of the window do, and its score and theirs can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clues.disk.writing import write_table
from clues.errors import InRunError
from clues.in_run.public_rows import IN_RUN_CRITERIA, PublicReader, PublicRows, rulers_at, undisturbed
from clues.in_run.reader import RowReader, RowScores
from clues.models.base import LanguageModel
from clues.scoring.store import is_scored
from clues.scoring.validation import Validation

CHANNELS = tuple(name for c in IN_RUN_CRITERIA for name in c.columns)
SCORED, NO_LABEL, NOT_FINITE = "scored", "no label token", "not finite"


class Window:
    """Scores the training rows of its steps, and the public rows beside them."""

    def __init__(self, lm: LanguageModel, validation: Validation, public: PublicRows, number: int, steps: int) -> None:
        """Take the directions at the adapter that the model carries now. `steps`: how many will share them."""
        began = perf_counter()
        with undisturbed(lm.model):
            rulers = rulers_at(lm, validation)
        self.seconds = {"directions": perf_counter() - began, "public_rows": 0.0, "hooks": 0.0}
        self.lm, self.public, self.number = lm, public, number
        self.directions = rulers[0]
        self.reader = RowReader(lm.model, self.directions)
        self._public_reader = PublicReader(lm, public, rulers)
        order = np.random.default_rng(number).permutation(len(public.encoded))
        self._left = [part.tolist() for part in np.array_split(order, steps)]
        self._columns: dict[str, list] = {name: [] for name in _schema().names}

    @property
    def finished(self) -> bool:
        """All steps have begun."""
        return not self._left

    def begin_step(self, step: int, learning_rate: float) -> None:
        """Before a step's first pass: score the public rows whose turn it is."""
        self.step, self.learning_rate = step, learning_rate
        self._score_public(self._left.pop(0))

    def read(self) -> None:
        """After a backward pass of the training: note its rows' scores."""
        self._add("row", self.reader.read())
        self.seconds["hooks"] = self.reader.seconds

    def close(self, file: Path) -> None:
        """Score the public rows that are left, if the window ends early, and write everything."""
        self._score_public([i for part in self._left for i in part])
        self._left = []
        key = {"clues_key": self.public.key}
        write_table(pa.table(self._columns, _schema()).replace_schema_metadata(key), file)

    def _score_public(self, index: Sequence[int]) -> None:
        began = perf_counter()
        with undisturbed(self.lm.model):
            for places, scores in self._public_reader.read(index):
                self._add([self.public.roles[i] for i in places], scores)
        self.seconds["public_rows"] += perf_counter() - began

    def _add(self, role: str | list[str], scores: RowScores) -> None:
        rows = len(scores.keys)
        values, tokens = scores.values.numpy(), scores.tokens.tolist()
        columns = {
            "key": scores.keys,
            "role": [role] * rows if isinstance(role, str) else role,
            "window": [self.number] * rows,
            "step": [self.step] * rows,
            "learning_rate": [self.learning_rate] * rows,
            "tokens": tokens,
            **dict(zip(CHANNELS, values.T.tolist(), strict=True)),
            "status": [_status(n, v) for n, v in zip(tokens, values, strict=True)],
        }
        for name, column in columns.items():
            self._columns[name] += column


def _status(tokens: int, values: np.ndarray) -> str:
    if not tokens:
        return NO_LABEL
    return SCORED if np.isfinite(values).all() else NOT_FINITE


def _schema() -> pa.Schema:
    numbers = {"window": pa.int32(), "step": pa.int32(), "learning_rate": pa.float64(), "tokens": pa.int32()}
    channels = {name: pa.float32() for name in CHANNELS}
    return pa.schema({"key": pa.string(), "role": pa.string(), **numbers, **channels, "status": pa.string()})


def window_file(folder: Path, number: int) -> Path:
    """Where a window is kept."""
    return folder / f"{number:05d}.parquet"


def window_files(folder: Path) -> list[Path]:
    """The windows kept in a folder, in order."""
    return sorted(folder.glob("[0-9]*.parquet"))


def resume(folder: Path, step: int, public: PublicRows) -> int:
    """The number of the next window of a training that has done `step` steps.

    Windows behind that step belong to a training that was not continued and are removed.

    Raises InRunError for windows of another training, or with other public rows.
    """
    files = window_files(folder)
    if files and not step:
        raise InRunError(f"{folder} holds scores of another training: name another output, or resume that training")
    for file in files:
        if not is_scored(file, public.key):
            raise InRunError(f"{file}: scored beside other public rows; resume with the same validation and anchors")
        if max(pq.read_table(file, columns=["step"])["step"].to_pylist(), default=0) >= step:
            file.unlink()
    return len(window_files(folder))

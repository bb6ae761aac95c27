"""The contract of scorers: prepared once for a state of the model, a scorer then scores any rows, one number each.

All of ours and those of other packages (docs/PLUGINS.md) are used through it: `clues score --scorer NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clues.config import CLUES
from clues.data.prepare import Prepared
from clues.errors import SettingError
from clues.models.base import LanguageModel
from clues.scoring.channel import SOURCE
from clues.scoring.criteria import OWNER
from clues.scoring.passes import RowsDone

Score = Callable[[Prepared, RowsDone], np.ndarray]
"""Rows -> one number each [rows], higher is better data, NaN where there is none. `RowsDone` is called with
the number of rows just finished, each counted once however many passes it takes."""


@dataclass(frozen=True)
class Context:
    """What a scorer may look at before it scores. Later versions may add fields."""

    lm: LanguageModel
    """Model, tokenizer and settings. The base model itself, or with the adapter of a checkpoint on it; a scorer leaves
    the weights as they are."""
    validation: Prepared
    """Public rows of high quality: what the model should get better at."""
    training: Prepared
    """The owner's rows, which the adapter was trained on."""
    seed: int
    """Of the job, for what is drawn at random."""


@dataclass(frozen=True)
class Scorer:
    """A way to score rows.

    A row's score must not depend on the rows it is scored with: they are scored in shards, possibly by several
    processes, each of which prepares the scorer for itself.
    """

    name: str
    """Letters and digits, with dots or dashes between them. Scores are the channel `<name>.score`."""
    at: Literal["base", "checkpoints"]
    """Under the base model, once; or under each of the job's checkpoints of a warm-up, and the mean counts."""
    prepare: Callable[[Context], Score]
    """Do what all rows share, such as the gradient of the validation rows."""

    def __post_init__(self) -> None:
        if not re.fullmatch(SOURCE, self.name) or self.name in (CLUES, OWNER):
            raise SettingError(
                f"{self.name!r} cannot be a scorer's name: letters and digits with . or - between them, and neither "
                f"{CLUES} nor {OWNER}"
            )
        if self.at not in ("base", "checkpoints"):
            raise SettingError(f"scorer {self.name}: at is {self.at!r}; allowed: base, checkpoints")

    def prepared(self, context: Context) -> Score:
        """`prepare`, with scores that are checked: float32 [rows]. Raises SettingError for anything else."""
        score = self.prepare(context)

        def checked(rows: Prepared, advance: RowsDone) -> np.ndarray:
            found = np.asarray(score(rows, advance), np.float32)
            if found.shape != (len(rows.rows),):
                raise SettingError(f"scorer {self.name}: {found.shape} scores for {len(rows.rows)} rows")
            return found

        return checked

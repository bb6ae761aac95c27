"""A model on held-out rows: likelihood of the answers, and the choice of the right one among hard negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from clues.config import EvaluationSettings
from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.evaluation.choice import Choices, build_choices, right_choices
from clues.evaluation.likelihood import perplexity
from clues.folders.metrics import ModelMetrics
from clues.models.adapters import load_adapter_state
from clues.models.base import LanguageModel
from clues.scoring.passes import RowsDone, row_nll
from clues.scoring.store import rows_key
from clues.statistics.bootstrap import document_of, estimate


@dataclass(frozen=True)
class TestSet:
    """Held-out rows and the choices among their answers, as tokens."""

    __test__ = False  # not a test class for pytest

    rows: list[Row]
    encoded: list[Encoded]
    choices: Choices
    asked: list[Encoded]
    alone: list[Encoded]

    @staticmethod
    def make(
        rows: Sequence[Row], lm: LanguageModel, settings: EvaluationSettings, negatives: Sequence[Row] = ()
    ) -> TestSet:
        """Choices are built for the first `choice_rows` rows; wrong answers come from all of them and `negatives`."""

        def tokens(some: Sequence[Row]) -> list[Encoded]:
            return [encode(row, lm.tokenizer, lm.settings.max_length) for row in some]

        pool = [*rows, *negatives]
        choices = build_choices(rows[: settings.choice_rows], pool, settings.negatives)
        return TestSet(list(rows), tokens(rows), choices, tokens(choices.asked), tokens(choices.alone))

    @cached_property
    def key(self) -> str:
        """Of all that is measured: another test set, or another way to choose negatives, has another key."""
        return rows_key([*self.encoded, *self.asked, *self.alone], "")

    @property
    def documents(self) -> list[str]:
        """The document of each row, the cluster of every interval."""
        return [document_of(row) for row in self.rows]

    @property
    def passes(self) -> int:
        """Rows that go through the model in `measure` with choices."""
        return len(self.encoded) + len(self.asked) + len(self.alone)


@dataclass(frozen=True)
class Measured:
    """A model on the test rows: what metrics.json says of it, and the values that these are means of."""

    metrics: ModelMetrics
    nll: tuple[float, ...]
    """Per row, nats per token."""
    right: tuple[bool, ...] | None = None
    """Per question of the choice; None where none was made."""


def measure(
    lm: LanguageModel,
    state: Mapping[str, Tensor],
    test: TestSet,
    settings: EvaluationSettings,
    seed: int,
    advance: RowsDone,
    choices: bool = True,
) -> Measured:
    """`measure_as_it_is` of the model with the adapter `state`."""
    load_adapter_state(lm.model, state)
    return measure_as_it_is(lm, test, settings, seed, advance, choices)


def measure_as_it_is(
    lm: LanguageModel, test: TestSet, settings: EvaluationSettings, seed: int, advance: RowsDone, choices: bool = True
) -> Measured:
    """NLL, perplexity and, with `choices`, the share of right choices of a model, with intervals."""
    spread = (settings.bootstrap, seed)
    nll, tokens = row_nll(lm, test.encoded, advance), [sum(row.response_mask) for row in test.encoded]
    likelihood = estimate(nll, test.documents, *spread), perplexity(nll, tokens, test.documents, *spread)
    rows = tuple(np.asarray(nll, float).tolist())
    if not (choices and test.asked):
        return Measured(ModelMetrics.of(*likelihood, None), rows)
    asked, alone = row_nll(lm, test.asked, advance), row_nll(lm, test.alone, advance)
    right = right_choices(test.choices, asked, alone)
    chosen = estimate(right, test.choices.documents, *spread)
    return Measured(ModelMetrics.of(*likelihood, chosen), rows, tuple(right.tolist()))

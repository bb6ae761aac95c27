"""Rows under the base model: what forward channels are made of, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from peft import PeftModel

from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.models.base import LanguageModel
from clues.scoring.contrasts import under_questions
from clues.scoring.forward import Forward, forward_channels
from clues.scoring.passes import RowsDone, token_nll
from clues.scoring.readings import Readings


def score_base(
    lm: LanguageModel,
    rows: Sequence[Row],
    encoded: Sequence[Encoded],
    questions: Sequence[str],
    advance: RowsDone = lambda _rows: None,
) -> Forward:
    """Forward channels of rows under the base model, without the adapter if it has one: `base_passes(questions)`
    passes.

    `questions` are those of the public validation rows.
    """
    return forward_channels(read_base(lm, rows, encoded, questions, advance), rows, encoded)


def read_base(
    lm: LanguageModel,
    rows: Sequence[Row],
    encoded: Sequence[Encoded],
    questions: Sequence[str],
    advance: RowsDone = lambda _rows: None,
) -> Readings:
    """The token likelihoods that forward channels are made of; arguments as in `score_base`."""
    max_length = lm.settings.max_length
    alone = [encode(row.without_prompt(), lm.tokenizer, max_length) for row in rows]
    with lm.model.disable_adapter() if isinstance(lm.model, PeftModel) else nullcontext():
        return Readings(
            token_nll(lm, encoded, advance),
            token_nll(lm, alone, advance),
            [token_nll(lm, turn, advance) for turn in under_questions(rows, questions, lm)],
        )

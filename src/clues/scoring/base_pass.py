"""Rows under the base model: what forward channels are made of, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from peft import PeftModel

from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.models.base import LanguageModel
from clues.scoring.applicability import applicable
from clues.scoring.channel import FORWARD, Channel
from clues.scoring.contrasts import under_questions
from clues.scoring.criteria import LABEL
from clues.scoring.forward import Forward, forward_channels
from clues.scoring.margins import margins, rivals_of
from clues.scoring.passes import RowsDone, token_nll
from clues.scoring.public_answers import PublicAnswers
from clues.scoring.readings import Readings


def score_base(
    lm: LanguageModel,
    rows: Sequence[Row],
    encoded: Sequence[Encoded],
    public: PublicAnswers,
    advance: RowsDone = lambda _rows: None,
) -> Forward:
    """Forward channels of rows under the base model, without the adapter if it has one: `base_passes` passes; and what
    criteria judge each of them.

    `public`: of the validation rows.
    """
    found = forward_channels(read_base(lm, rows, encoded, public.questions, advance), rows, encoded)
    channels = found.channels | applicable(rows, public.short)
    if rivals := rivals_of(rows, encoded, public.short, lm):
        with _base_alone(lm):
            channels[Channel(LABEL, FORWARD).column] = margins(lm, encoded, rivals)
    return replace(found, channels=channels)


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
    with _base_alone(lm):
        return Readings(
            token_nll(lm, encoded, advance),
            token_nll(lm, alone, advance),
            [token_nll(lm, turn, advance) for turn in under_questions(rows, questions, lm)],
        )


def _base_alone(lm: LanguageModel) -> AbstractContextManager[None]:
    """The model without its adapter, if it has one."""
    return lm.model.disable_adapter() if isinstance(lm.model, PeftModel) else nullcontext()

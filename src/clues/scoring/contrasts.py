"""Other questions: an answer is read under them too, to see what its own question tells that another would not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.data.words import jaccard, words
from clues.errors import NoResponseToken
from clues.models.base import LanguageModel
from clues.scoring.forward import CONTRASTS, GAIN_TOKENS


def base_passes(questions: Sequence[str]) -> int:
    """Passes of the base model for the forward channels: with the prompt, without it, and under other questions."""
    return 2 + (CONTRASTS if _distinct(questions) else 0)


def under_questions(rows: Sequence[Row], questions: Sequence[str], lm: LanguageModel) -> list[list[Encoded]]:
    """The rows' first response tokens under each of `CONTRASTS` other questions: [contrast][row].

    Nothing where the public validation rows do not have two questions: then no row, of whomever, is read so.
    """
    distinct = _distinct(questions)
    if not distinct:
        return []
    others = [other_questions(row, distinct) for row in rows]
    return [[_start(row, some[turn], lm) for row, some in zip(rows, others, strict=True)] for turn in range(CONTRASTS)]


def other_questions(row: Row, distinct: Sequence[str]) -> list[str]:
    """The `CONTRASTS` most similar of at least two distinct questions, none of them the row's own.

    Similar by the share of their words in common (Jaccard): they ask in the same manner about something else, so what
    the row's own question tells beyond them is what it is about. All are measured so, rows and anchors alike.
    """
    own = frozenset(words(row.prompt))
    asked_else = (q for q in distinct if _words_of(q) != own)
    others = sorted(asked_else, key=lambda q: jaccard(own, _words_of(q)), reverse=True)
    return (others * CONTRASTS)[:CONTRASTS]


@cache
def _words_of(question: str) -> frozenset[str]:
    """Of a public question: there are some dozens, and every row is compared with all of them."""
    return frozenset(words(question))


def _distinct(questions: Sequence[str]) -> list[str]:
    """One question for each set of words: case and punctuation make no other question. Nothing if there is but one."""
    distinct = {_words_of(q): q for q in sorted(questions, reverse=True) if q.strip()}
    return sorted(distinct.values()) if len(distinct) > 1 else []


def _start(row: Row, question: str, lm: LanguageModel) -> Encoded:
    """The row under another question, up to its first `GAIN_TOKENS` response tokens."""
    try:
        whole = encode(row.with_question(question), lm.tokenizer, lm.settings.max_length)
    except NoResponseToken:  # the other question alone fills the model
        whole = encode(row.without_prompt(), lm.tokenizer, lm.settings.max_length)
    places = whole.response_places
    stop = places[min(GAIN_TOKENS, len(places)) - 1] + 1
    return replace(
        whole,
        input_ids=whole.input_ids[:stop],
        response_mask=whole.response_mask[:stop],
        end_positions=tuple(end for end in whole.end_positions if end < stop),
        spans=whole.spans[:GAIN_TOKENS],
        truncated=whole.truncated or len(places) > GAIN_TOKENS,
    )

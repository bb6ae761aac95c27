"""Can a model tell the right answer from answers to similar questions?

Each test question is put beside its own answer and those of the most similar other questions of the same source; those
about the same thing (its symptoms, its treatment) come first, for the name of a thing is easily heard. The model
chooses by information gain ℓ(a) − ℓ(a|q), ℓ the mean NLL per token: by ℓ(a|q) alone it would choose what is most
fluent, whatever was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from clues.data.rows import Message, Row
from clues.data.words import plain
from clues.errors import SettingError
from clues.statistics.bootstrap import document_of

SAME_ANSWER = 0.8
"""Similarity from which two answers say the same: such an answer may well be right, so it is no negative.

On MedQuAD, wordings of "autosomal recessive inheritance" are 0.83 and more alike, recessive and dominant 0.63.
"""


@dataclass(frozen=True)
class Choices:
    """The C candidates of Q questions, and the U distinct answers among them."""

    asked: list[Row]
    """[C] a question with a candidate answer, for ℓ(a|q)."""
    alone: list[Row]
    """[U] an answer that nobody asked for, for ℓ(a), which does not depend on the question."""
    question: NDArray[np.int64]
    """[C] in 0 .. Q-1."""
    answer: NDArray[np.int64]
    """[C] in 0 .. U-1."""
    right: NDArray[np.bool_]
    """[C]"""
    documents: list[str]
    """[Q]"""
    other_source: int
    """Negatives from another source, where a source has too few; they are easier."""


def build_choices(rows: Sequence[Row], pool: Sequence[Row], negatives: int = 3) -> Choices:
    """Candidates for the Q test `rows`, whose negatives come from `pool` (`rows` may be in it).

    Of a conversation the last answer and the question before it are used. Raises SettingError where the pool has too
    few different answers for a row.
    """
    wrong = _negatives(rows, pool, negatives)
    candidates = [(i, source) for i, row in enumerate(rows) for source in (row, *(pool[j] for j in wrong[i]))]
    texts = [_last_exchange(source)[1] for _, source in candidates]
    first = {text: index for index, text in reversed(list(enumerate(texts)))}
    distinct = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    asked = [_with_answer(rows[i], text) for (i, _), text in zip(candidates, texts, strict=True)]
    return Choices(
        asked=asked,
        alone=[asked[first[text]].without_prompt() for text in distinct],
        question=np.array([i for i, _ in candidates]),
        answer=np.array([distinct[text] for text in texts]),
        right=np.array([source is rows[i] for i, source in candidates]),
        documents=[document_of(row) for row in rows],
        other_source=sum(_source(source) != _source(rows[i]) for i, source in candidates),
    )


def right_choices(choices: Choices, asked_nll: ArrayLike, alone_nll: ArrayLike) -> NDArray[np.bool_]:
    """[Q] whether a model chooses the right answer, from its NLL of `asked` [C] and of `alone` [U].

    A tie with a negative counts as wrong.
    """
    gain = np.asarray(alone_nll, np.float64)[choices.answer] - np.asarray(asked_nll, np.float64)
    if not np.isfinite(gain).all():
        raise ValueError(f"candidate {int(np.argmin(np.isfinite(gain)))} has no finite information gain")
    count = len(choices.documents)
    own, best = np.full(count, -np.inf), np.full(count, -np.inf)
    np.maximum.at(own, choices.question[choices.right], gain[choices.right])
    np.maximum.at(best, choices.question[~choices.right], gain[~choices.right])
    return own > best


def _negatives(rows: Sequence[Row], pool: Sequence[Row], count: int) -> list[list[int]]:
    """Per row, places of its negatives in the pool: its own document first, then its source, then by similarity."""
    asked, answered = zip(*map(_last_exchange, [*rows, *pool]), strict=True)
    questions, answers = _similarity(asked)[:, len(rows) :], _similarity(answered)
    chosen = []
    for i, row in enumerate(rows):
        elsewhere = [_source(other) != _source(row) for other in pool]
        other_document = [document_of(other) != document_of(row) for other in pool]
        taken = [i]
        for j in np.lexsort((-questions[i], elsewhere, other_document)).tolist():
            other = len(rows) + j
            same = plain(asked[other]) == plain(asked[i]) or max(answers[other, taken]) >= SAME_ANSWER
            if len(taken) <= count and not same:
                taken.append(other)
        if len(taken) <= count:
            raise SettingError(
                f"{row.file}:{row.line}: only {len(taken) - 1} of {count} other answers to choose among; "
                "add test rows or lower evaluation.negatives"
            )
        chosen.append([other - len(rows) for other in taken[1:]])
    return chosen


def _similarity(texts: Sequence[str]) -> NDArray[np.float64]:
    """Cosine between the TF-IDF of character n-grams [n, n]: it works where a language has no spaces, too."""
    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform([plain(text) for text in texts])
    return (features @ features.T).toarray()


def _last_exchange(row: Row) -> tuple[str, str]:
    """The last answer of a conversation and the question it answers."""
    last = max(i for i, message in enumerate(row.messages) if message.is_response)
    question = next((m.content for m in reversed(row.messages[:last]) if m.role == "user"), "")
    return question, row.messages[last].text


def _with_answer(row: Row, answer: str) -> Row:
    system = tuple(message for message in row.messages if message.role == "system")
    exchange = (Message("user", _last_exchange(row)[0]), Message("assistant", answer))
    return Row((*system, *exchange), row.file, row.line, row.record)


def _source(row: Row) -> str:
    return str(row.record.get("source", ""))

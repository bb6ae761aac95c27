"""Margins of short answers, read in one pass, against whole answers read one by one."""

from __future__ import annotations

import numpy as np
import pytest

from clues.data.prepare import prepare_rows
from clues.data.rows import Message, Row
from clues.data.short_answers import ShortAnswers
from clues.scoring.margins import Rivals, margins, rivals_of
from clues.scoring.passes import token_nll
from tests.scoring.test_probe import adapted

LABELS = ("Yes", "No", "Maybe so", "Maybe not")
PROMPTS = [f"Case {i}: {'pain ' * (i % 5)}after {i} days. Yes, no or maybe?" for i in range(24)]


def rows(labels=LABELS) -> list[Row]:
    return [
        Row((Message("user", p), Message("assistant", labels[i % len(labels)])), "f", i, {})
        for i, p in enumerate(PROMPTS)
    ]


def tasks(some: list[Row]) -> ShortAnswers:
    return ShortAnswers.of([row.prompt for row in some], [row.response for row in some])


def test_another_answer_is_counted_once_by_the_token_in_which_it_differs():
    found = Rivals.of([5, 7, 0], [[5, 8, 0], [5, 8, 1, 0], [6, 0], [5, 7, 0]])
    assert found.events == ((1, 8), (0, 6))
    assert found.last == 1
    assert Rivals.of([5, 0], [[5, 0]]).events == ()


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3", "qwen2"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_margins_are_those_of_whole_answers_read_one_by_one(architecture, precision):
    """Every other answer up to the token in which it differs, from a pass over that answer itself."""
    lm = adapted(architecture, 1, token_budget=200, precision=precision)
    some = rows()
    encoded = prepare_rows(some, lm.tokenizer, 512).encoded
    found = margins(lm, encoded, rivals_of(some, encoded, tasks(some), lm))
    for row, own, value in zip(some, encoded, found, strict=True):
        others = prepare_rows(
            [row.with_responses((label,)) for label in LABELS if label != row.response], lm.tokenizer, 512
        ).encoded
        mine = [own.input_ids[i] for i, r in enumerate(own.response_mask) if r]
        events, last = {}, 0
        for other in others:
            ids = [other.input_ids[i] for i, r in enumerate(other.response_mask) if r]
            place = next(i for i, (a, b) in enumerate(zip(mine, ids, strict=False)) if a != b)
            (nll,) = token_nll(lm, [other])
            events[place, ids[place]] = -float(nll[: place + 1].sum())
            last = max(last, place)
        (nll,) = token_nll(lm, [own])
        expected = -float(nll[: last + 1].sum()) - np.logaddexp.reduce(list(events.values()))
        assert value == pytest.approx(expected, abs=2e-4 if precision == "float32" else 0.15)


def test_batch_mates_do_not_matter():
    lm, some = adapted("llama", 1, token_budget=1000), rows()
    encoded = prepare_rows(some, lm.tokenizer, 512).encoded
    rivals = rivals_of(some, encoded, tasks(some), lm)
    together = margins(lm, encoded, rivals)
    alone = [margins(lm, [e], [r])[0] for e, r in zip(encoded, rivals, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-4)


def test_free_text_and_a_truncated_answer_have_none():
    lm, some = adapted("llama", 1), rows()
    free = Row(
        (Message("user", "Why?"), Message("assistant", "Because it is so, and was so for many years.")), "f", 99, {}
    )
    encoded = prepare_rows([*some[:3], free], lm.tokenizer, 512).encoded
    rivals = rivals_of([*some[:3], free], encoded, tasks(some), lm)
    assert [bool(one.events) for one in rivals] == [True, True, True, False]
    assert np.isnan(margins(lm, encoded, rivals)).tolist() == [False, False, False, True]

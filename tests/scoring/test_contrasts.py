"""Other questions: whose they are, and that an answer under them is read as the whole row would be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clues.data.encoding import encode
from clues.data.rows import Message, Row
from clues.scoring.base_pass import score_base
from clues.scoring.contrasts import base_passes, other_questions, under_questions
from clues.scoring.forward import CONTRASTS, GAIN_TOKENS, forward_channels
from clues.scoring.passes import token_nll
from clues.scoring.public_answers import PublicAnswers
from clues.scoring.readings import Readings
from tests.scoring.test_probe import adapted

QUESTIONS = tuple(f"What helps against {name}?" for name in ("fever", "gout", "asthma", "measles", "a cough"))
LONG = "Rest in bed, drink much water, and see a doctor if the fever does not go away in some days. " * 3


def row(question: str, *answers: str, number: int = 0) -> Row:
    turns = tuple(m for a in answers for m in (Message("user", question), Message("assistant", a)))
    return Row(turns, "f", number, {})


def some_rows(count: int) -> list[Row]:
    return [row(QUESTIONS[i % len(QUESTIONS)], f"Take {i} spoons of it.", number=i) for i in range(count)]


@pytest.fixture(scope="module")
def lm():
    return adapted("llama", 1, token_budget=400)


def test_the_questions_most_like_ones_own_are_met_and_never_that_one():
    """By the share of words in common, without case and signs: of 7 words 5 for both of these."""
    near = ["What are the causes of gout?", "What are the symptoms of asthma?"]
    far = ["How is gout treated?", "Is iron good?", "What is a symptom?"]
    own = row("What are the symptoms of gout?", "Pain.")
    for distinct in (sorted([*near, *far]), sorted([*near, *far, own.prompt])):
        assert other_questions(own, distinct) == near
    assert "Is iron good?" not in other_questions(row("IRON, IS (GOOD)", "Yes."), sorted([*near, *far]))  # its own
    assert other_questions(row("", "Yes."), ["A?", "B?", "C?"]) == ["A?", "B?"]  # as good as any
    for r in some_rows(20):
        found = other_questions(r, sorted(QUESTIONS))
        assert len(set(found)) == CONTRASTS
        assert r.prompt not in found


def test_where_there_is_one_other_question_it_is_met_twice():
    assert other_questions(row("A?", "Yes."), ["A?", "B?"]) == ["B?"] * CONTRASTS
    assert set(other_questions(row("C?", "Yes."), ["A?", "B?"])) == {"A?", "B?"}


def test_the_choice_is_the_same_in_any_order_and_shard(lm):
    rows = some_rows(12)
    whole = under_questions(rows, QUESTIONS, lm)
    assert [len(turn) for turn in whole] == [12] * CONTRASTS
    assert under_questions(rows[::-1], QUESTIONS[::-1] + QUESTIONS[:2], lm) == [turn[::-1] for turn in whole]
    assert under_questions(rows[5:7], QUESTIONS, lm) == [turn[5:7] for turn in whole]
    again = [replace(r, file="other", line=99) for r in rows]
    assert under_questions(again, QUESTIONS, lm) == whole
    assert len({tuple(turn[0].input_ids) for turn in whole}) == CONTRASTS


@pytest.mark.parametrize("questions", [(), ("A?",), ("A?", "A?"), ("A?", "a"), ("A?", "", "  ")])
def test_nobody_is_read_under_other_questions_where_there_are_fewer_than_two(lm, questions):
    assert under_questions(some_rows(3), questions, lm) == []
    assert base_passes(questions) == 2
    assert base_passes((*questions, "B?", "A?")) == 2 + CONTRASTS


def test_only_the_first_sixty_tokens_are_read_and_as_in_the_whole_row(lm):
    rows = [row(QUESTIONS[0], LONG), row(QUESTIONS[0], "Rest."), row(QUESTIONS[1], "Rest in bed.", LONG)]
    turns = under_questions(rows, QUESTIONS, lm)
    for turn, contrast in enumerate(turns):
        whole = [encode(r.with_question(other_questions(r, sorted(QUESTIONS))[turn]), lm.tokenizer, 2048) for r in rows]
        lengths = [sum(e.response_mask) for e in whole]
        assert lengths[0] > GAIN_TOKENS
        assert lengths[1] < GAIN_TOKENS < lengths[2]
        for found, expected, part in zip(token_nll(lm, contrast), token_nll(lm, whole), contrast, strict=True):
            assert len(found) == len(part.spans) == min(GAIN_TOKENS, len(expected))
            assert part.response_mask[-1] or not part.truncated
            assert np.allclose(found, expected[:GAIN_TOKENS], rtol=1e-4, atol=1e-5)
        assert [e.truncated for e in contrast] == [True, False, True]
        assert [len(e.end_positions) for e in contrast] == [0, 1, 1]


def test_every_turn_asks_the_other_question():
    talk = row("A?", "Yes.", "No.")
    assert [m.content for m in talk.with_question("B?").messages] == ["B?", "Yes.", "B?", "No."]
    assert talk.with_question("B?").responses == talk.responses
    assert talk.prompt == "A?"


def test_a_question_too_long_for_the_model_leaves_the_answer_alone(lm):
    short = replace(lm, settings=replace(lm.settings, max_length=80))
    long = ["Why? " * 200, "How? " * 200]
    mine = row(QUESTIONS[0], "Rest in bed.")
    for (found,) in under_questions([mine], long, short):
        alone, size = encode(mine.without_prompt(), lm.tokenizer, 80), len(found)
        assert (found.input_ids, found.response_mask) == (alone.input_ids[:size], alone.response_mask[:size])
        assert (found.spans, found.end_positions, found.truncated) == (alone.spans, alone.end_positions, False)
    for (found,) in under_questions([row(QUESTIONS[0], LONG)], ["Why? " * 12, "How? " * 12], short):
        assert 0 < sum(found.response_mask) < GAIN_TOKENS  # as much as is left


def test_the_base_is_read_without_its_adapter_under_the_validation_rows_questions(lm):
    rows, counted = [*some_rows(3), row(QUESTIONS[0], LONG)], []
    encoded = [encode(r, lm.tokenizer, 2048) for r in rows]
    public = PublicAnswers(tuple(QUESTIONS), ("",) * len(QUESTIONS))
    found = score_base(lm, rows, encoded, public, counted.append).channels
    assert sum(counted) == base_passes(QUESTIONS) * len(rows)
    alone = [encode(r.without_prompt(), lm.tokenizer, 2048) for r in rows]

    def channels(contrasts):
        readings = Readings(token_nll(lm, encoded), token_nll(lm, alone), [token_nll(lm, c) for c in contrasts])
        return forward_channels(readings, rows, encoded).channels

    with lm.model.disable_adapter():
        expected, without = channels(under_questions(rows, QUESTIONS, lm)), channels([])
    for name in expected:
        values = found[name]
        assert np.allclose(values, expected[name], rtol=1e-4, atol=1e-5), name
        assert not np.allclose(values, channels(under_questions(rows, QUESTIONS, lm))[name], rtol=1e-2), name
    assert not np.allclose(found["relevance.forward"], without["relevance.forward"], rtol=1e-2)
    assert np.allclose(
        score_base(lm, rows, encoded, PublicAnswers(("A?",), ("",))).channels["relevance.forward"],
        without["relevance.forward"],
    )

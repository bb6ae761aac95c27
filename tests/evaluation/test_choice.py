"""The choice among hard negatives: which answers compete, and what counts as right."""

import numpy as np
import pytest

from clues.data.rows import Message, Row
from clues.evaluation.choice import build_choices, right_choices


def row(question: str, answer: str, source: str = "NIDDK", doc: str | None = None, before: tuple = ()) -> Row:
    messages = (*before, Message("user", question), Message("assistant", answer))
    return Row(messages, "test.jsonl", 1, {"source": source, "doc": doc or question})


DISEASES = ("gout", "asthma", "scurvy", "measles", "malaria", "cholera")
SIGNS = (
    "Crystals of uric acid in the joints make them red and hot.",
    "The airways narrow and breathing becomes noisy at night.",
    "Gums bleed because vitamin C is missing from meals.",
    "A rash spreads from the face after fever and cough.",
    "Fever returns every third day with shaking chills.",
    "Watery stools drain the body within hours.",
)
ROWS = [row(f"What are the symptoms of {d}?", s) for d, s in zip(DISEASES, SIGNS, strict=True)]
FAR = [
    row("Who may give blood?", "Adults in good health who weigh enough.", doc="x"),
    row("Where is the liver?", "On the right, under the ribs.", doc="y"),
    row("When was insulin found?", "In 1921, in Toronto.", doc="z"),
]


def candidates(choices, question: int) -> list[str]:
    return [r.response for r, q in zip(choices.asked, choices.question, strict=True) if q == question]


def test_negatives_are_answers_to_the_most_similar_questions():
    choices = build_choices(ROWS[:2], [*FAR, *ROWS])
    assert len(choices.asked) == 8
    for question in (0, 1):
        first, *negatives = candidates(choices, question)
        assert first == SIGNS[question]
        assert set(negatives) < set(SIGNS) - {first}
    assert choices.right.tolist() == [True, False, False, False] * 2
    assert choices.other_source == 0


def test_the_most_similar_question_comes_first():
    near, far = row("What are the symptoms of gouty arthritis?", SIGNS[3]), row("Who gets gout?", SIGNS[4])
    choices = build_choices(ROWS[:1], [far, near, FAR[0]], 2)
    assert candidates(choices, 0) == [SIGNS[0], SIGNS[3], SIGNS[4]]


def test_another_question_about_the_same_thing_competes_first():
    other = row("How is gout treated?", "By rest, and by medicines that lower uric acid.", doc=ROWS[0].record["doc"])
    choices = build_choices(ROWS[:1], [*FAR, ROWS[0], other], 1)
    assert candidates(choices, 0) == [SIGNS[0], other.response]


def test_same_answer_and_same_question_do_not_compete():
    target = ROWS[0]
    nearly = row("What are the symptoms of gout in men?", SIGNS[0].replace("red", "very red"))
    question = row("what are the symptoms of GOUT", SIGNS[4], doc="elsewhere")
    choices = build_choices([target], [nearly, question, target, *FAR])
    assert set(candidates(choices, 0)[1:]) == {r.response for r in FAR}


def test_two_negatives_that_say_the_same_count_once():
    twin = row("What are the symptoms of asthma in winter?", SIGNS[1].replace("noisy", "quite noisy"))
    choices = build_choices(ROWS[:1], [ROWS[1], twin, *FAR], 2)
    assert candidates(choices, 0)[1] == SIGNS[1]
    assert candidates(choices, 0)[2] in {r.response for r in FAR}


def test_own_source_comes_before_a_more_similar_question_elsewhere():
    elsewhere = [row(f"What are the symptoms of gout {i}?", s, "NINDS", str(i)) for i, s in enumerate(SIGNS[1:3])]
    choices = build_choices(ROWS[:1], [*elsewhere, *FAR[:2]], 3)
    assert candidates(choices, 0)[1:3] != [r.response for r in elsewhere]
    assert {r.response for r in FAR[:2]} < set(candidates(choices, 0))
    assert choices.other_source == 1


def test_too_few_answers_is_an_error_with_place_and_remedy():
    with pytest.raises(ValueError, match=r"test\.jsonl:1: only 1 of 3 other answers.*evaluation\.negatives"):
        build_choices(ROWS[:1], ROWS[:2])


def test_each_answer_alone_is_asked_once():
    choices = build_choices(ROWS[:4], ROWS)
    texts = [r.response for r in choices.alone]
    assert len(texts) == len(set(texts)) <= 6
    assert all([m.role for m in r.messages] == ["assistant"] for r in choices.alone)
    assert [texts[i] for i in choices.answer] == [r.response for r in choices.asked]


def test_last_exchange_of_a_conversation_keeps_the_system_message():
    talk = (Message("system", "Be brief."), Message("user", "Hello"), Message("assistant", "Good day"))
    choices = build_choices([row(ROWS[0].prompt, SIGNS[0], before=talk, doc="talk")], ROWS[1:])
    assert [m.role for m in choices.asked[0].messages] == ["system", "user", "assistant"]
    assert choices.asked[1].messages[1].content == ROWS[0].prompt


def test_information_gain_decides_not_fluency():
    choices = build_choices(ROWS[:3], ROWS)
    alone = np.linspace(1.0, 4.0, len(choices.alone))  # answers differ in how fluent they are by themselves
    asked = alone[choices.answer] - np.where(choices.right, 0.5, 0.2)
    assert right_choices(choices, asked, alone).tolist() == [True, True, True]
    lost = asked + np.where(choices.right & (choices.question == 1), 0.4, 0.0)
    assert right_choices(choices, lost, alone).tolist() == [True, False, True]


def test_a_tie_is_wrong_and_a_missing_value_an_error():
    choices = build_choices(ROWS[:2], ROWS)
    alone = np.ones(len(choices.alone))
    assert not right_choices(choices, np.ones(8), alone).any()
    with pytest.raises(ValueError, match="candidate 3"):
        right_choices(choices, np.where(np.arange(8) == 3, np.nan, 1.0), alone)

"""Scores out of replies: the plain forms are read exactly, and everything that can be doubted is unreadable."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clues.evaluation.judge.parsing import TEN, read_score, read_two_scores


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("0.7", 0.7),
        (".7", 0.7),
        ("1", 1.0),
        ("0", 0.0),
        (" 0.70.\n", 0.7),
        ("1e-1", 0.1),  # JSON
        ('{"score": 1e-7}', 1e-7),
        ("Score: 0.7", 0.7),
        ("score=0.7", 0.7),
        ("**Score:** 0.7", 0.7),
        ("**Score**: 0.7", 0.7),
        ("Final score: 0.7/1", 0.7),
        ("The score is 0.7.", 0.7),
        ("It names 3 of 4 signs.\nScore: 0.75", 0.75),
        ("Score: 0.7\nIt leaves out 2 drugs of 50 mg.", 0.7),
        ("Score: 0.7\n\nSo the final rating:\nScore: 0.70", 0.7),
        ("0.7 out of 1", 0.7),
        ("**0.7**", 0.7),
        ("1/1", 1.0),
        ("**Score:**\n0.7", 0.7),
        ("The score is: 0.7", 0.7),
        ("Score: 0.7 (mostly right)", 0.7),
        ("Score: **0.7**, a dose is missing", 0.7),
        ("The score is 0.7 because a dose is missing.", 0.7),
        ('{"score": 0.7}', 0.7),
        ('{"score": "0.7", "why": "leaves out 2 of 3"}', 0.7),
        ('```json\n{"score": 0.7}\n```', 0.7),
        ('Here it is: {"score": 0.7}', 0.7),
        ("<think>maybe 0.4, or 0.6?</think>\nScore: 0.5", 0.5),
    ],
)
def test_a_plain_score_is_read(reply, score):
    assert read_score(reply) == (score, "")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no number"),
        ("Score: ...", "no number"),
        ("Score: high", "no number"),
        ('{"rating": 0.7}', "no number"),
        ('{"score": true}', "no number"),
        ('{"score": null}', "no number"),
        ('{"score": NaN}', "no number"),
        ('{"score": 0.7, "Score": 0.8}', "no number"),
        ('{"score": [0.7]}', "no number"),
        ("There is 1 error in the answer.", "no plain score"),
        ("1. The answer is wrong.", "no plain score"),
        ("It is wrong for type 1 diabetes.", "no plain score"),
        ("The score is not 1", "no plain score"),
        ("Score: I would not give 1", "no plain score"),
        ("The answer names 0 wrong things", "no plain score"),
        ("I would say 0.7 (mostly right)", "no plain score"),
        ("I do not think that the score is 1", "no plain score"),
        ("Score: 1 would be too much", "no plain score"),
        ("Score:\n1. The answer is wrong.", "no plain score"),
        ("Score: 1?", "no plain score"),
        ("Score: <0.7", "no plain score"),
        ("Score: not 1\nScore: 0.5", "no plain score"),
        ('{"score": "1 error"}', "no plain score"),
        ('"It is wrong for type 1 diabetes."', "no plain score"),
        ('Of 3 signs: {"score": 0.7}', "no plain score"),
        ("0.6 or 0.8", "no plain score"),
        ("Score: 0.6\nScore: 0.8", "several"),
        ("Score: 0.7 (0 to 1)", "no plain score"),
        ("It names 3 signs. 0.7", "no plain score"),
        ("0.6-0.8", "no plain score"),
        ("Score: 0.6–0.8", "no plain score"),
        ("0,7", "no plain score"),
        ("70%", "no plain score"),
        ("0.7 %", "no plain score"),
        ("7/10", "no plain score"),
        ("7 out of 10", "no plain score"),
        ("Score: 1e-1", "no plain score"),
        ("0.7pts", "no plain score"),
        ("½", "no plain score"),
        ("٠٫٧", "no plain score"),
        ("1.2", "outside 0 to 1"),
        ("-0.1", "outside 0 to 1"),
        ("Score: −1", "outside 0 to 1"),
        ("Score: 7", "outside 0 to 1"),
        ('{"score": -0.5}', "outside 0 to 1"),
        ("<think>0.7", "no plain score"),
        ("9" * 5000, "outside"),
    ],
)
def test_what_can_be_doubted_is_unreadable(reply, why):
    score, said = read_score(reply)
    assert score is None
    assert why in said


@pytest.mark.parametrize(
    "reply",
    [
        "Score A: 7\nScore B: 8.5",
        "score a = 7\nscore b = 8.5",
        "**Score A:** 7/10\n**Score B:** 8.5/10",
        "A is 2 words shorter.\nScore B: 8.5 out of 10\nScore A: 7 / 10",
        "Score A: 7, Score B: 8.5",
        "Score for A: 7; score for answer B: 8.5",
        "Score (A): 7\nScore (B): 8.5",
        "A: 7\nB: 8.5",
        "Answer A: 7\nAnswer B: 8.5",
        "7 8.5",
        "7, 8.5",
        "7/10\n8.5/10",
        '{"A": 7, "B": 8.5}',
        '{"score_a": 7, "score_b": 8.5, "why": "B has 2 more"}',
        "[7, 8.5]",
    ],
)
def test_two_plain_scores_are_read(reply):
    assert read_two_scores(reply) == ((7.0, 8.5), "")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "A: no number"),
        ("7", "A: no number"),
        ("Score A: 7", "B: no number"),
        ("B is better: 8 against 6", "A: no number"),
        ("7,8", "A: no number"),
        ("7 8 9", "A: no number"),
        ("Score A: 7\nScore A: 6\nScore B: 8", "A: several"),
        ("Score A: 0\nScore B: 8", "A: outside 1 to 10"),
        ("Score A: 7\nScore B: 11", "B: outside 1 to 10"),
        ("Score A: 7/5\nScore B: 8/10", "A: a number that is no plain score"),
        ("Score A: 70%\nScore B: 8", "A: a number that is no plain score"),
        ("Score A: 7-8\nScore B: 8", "A: a number that is no plain score"),
        ("Score A: not 7\nScore B: 8", "A: a number that is no plain score"),
        ("Score A is 7\nScore B: I would not give 8", "B: a number that is no plain score"),
        ('{"a": "7 signs", "b": 8}', "A: a number that is no plain score"),
        ('{"a": 7}', "B: no number"),
        ("[7, 8, 9]", "A: no number"),
    ],
)
def test_two_scores_that_can_be_doubted_are_unreadable(reply, why):
    scores, said = read_two_scores(reply)
    assert scores is None
    assert why in said


FORMS = ("{}", "Score: {}", "**Score:** {}", "The score is {}.", '{{"score": {}}}', "Because it is so.\nScore: {}")
WORDS = st.text(st.characters(codec="ascii", categories=("L", "P", "Z")), max_size=30)


@given(st.floats(-1e6, 1e6), st.sampled_from(FORMS))
def test_a_number_is_read_exactly_or_not_at_all(number, form):
    """Whatever is out of range is unreadable: never clipped, never rescaled."""
    score, why = read_score(form.format(f"{number:.6f}"))
    expected = float(f"{number:.6f}")
    assert (score, why) == ((expected, "") if 0 <= expected <= 1 else (None, "outside 0 to 1"))


@given(st.floats(0, 1), st.floats(0, 1), WORDS)
def test_two_different_numbers_are_never_one_score(one, other, between):
    one, other = round(one, 3), round(other, 3)
    score, _ = read_score(f"{one} {between} {other}")
    assert score is None or score == one == other


@given(st.text())
def test_no_text_breaks_the_reading_and_no_score_leaves_its_scale(text):
    score, why = read_score(text)
    assert (score is None) == bool(why)
    assert score is None or 0 <= score <= 1
    both, why = read_two_scores(text)
    assert (both is None) == bool(why)
    assert both is None or all(1 <= side <= 10 for side in both)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_a_json_reply_gives_its_number_or_none(value):
    score, _ = read_score(json.dumps({"score": value}))
    if score is not None:
        assert not isinstance(value, bool | list)
        assert float(value) == score


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_sides_are_never_exchanged(a, b):
    a, b = round(a, 2), round(b, 2)
    expected = (a, b) if all(TEN[0] <= side <= TEN[1] for side in (a, b)) else None
    for reply in (f"Score A: {a}\nScore B: {b}", f"Score B: {b}\nScore A: {a}", f"{a} {b}"):
        assert read_two_scores(reply)[0] == expected

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clues.data.encoding import Encoded
from clues.data.rows import Message, Row
from clues.folders.explanations import EXPLAINED
from clues.report.shading import END, levels, listed, segments
from clues.scoring.contributions import words_of
from clues.scoring.forward import forward_channels
from clues.scoring.readings import Readings

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@st.composite
def explained(draw):
    text = draw(TEXT)
    starts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=30)))
    numbers = st.lists(st.floats(-5, 5), min_size=len(starts), max_size=len(starts))
    return text, starts, {name: draw(numbers) for name in EXPLAINED}


@given(explained())
def test_contributions_of_words_add_up_to_those_of_tokens(case):
    text, starts, values = case
    words = words_of(text, starts, values)
    for name, v in values.items():
        assert words.value[name].sum() == pytest.approx(sum(v), abs=1e-9)


@given(explained(), st.integers(0, 60))
def test_segments_join_to_the_text(case, cut):
    text, starts, values = case
    shown = text[:cut]
    assert "".join(piece for piece, *_ in segments(shown, words_of(text, starts, values))) == shown


def test_tokens_go_to_the_words_in_which_they_start():
    text = "iron deficiency  hurts"
    words = words_of(text, [0, 4, 9, 16, 22], {"fluency": [1.0, 2.0, 4.0, 8.0, 16.0]})
    assert [text[s:e] for s, e in zip(words.start, words.end, strict=True)] == ["iron", "deficiency", "hurts", ""]
    # A token that begins with the space before a word (4, 16) belongs to that word; the last one is the end.
    assert words.value["fluency"].tolist() == [1.0, 6.0, 8.0, 16.0]


def test_a_script_without_spaces_is_blamed_sign_by_sign():
    words = words_of("遗传病abc", [0, 1, 2, 3, 6], {"fluency": [1.0, 2.0, 3.0, 4.0, 5.0]})
    assert words.value["fluency"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_fluency_shades_what_speaks_against_the_row_and_more_the_worse():
    assert levels(np.array([0.1, -0.1, 8.0]), "fluency").tolist() == [0, 0, 0]
    assert levels(np.array([-0.1, -0.5, -1.1, -1.6, -1.85, -2.1, -0.0, -0.85]), "fluency").tolist() == [
        *(0, 0, 0),
        *(1, 2, 3),
        *(0, 0),
    ]
    assert levels(np.zeros(3), "fluency").tolist() == [0, 0, 0]


def test_relevance_shades_what_speaks_for_the_row_by_how_much_likelier_the_question_makes_it():
    assert levels(np.log([1.0, 1.9, 2.1, 9.0, 40.0]), "relevance").tolist() == [0, 0, 1, 2, 3]
    assert levels(np.array([-5.0]), "relevance").tolist() == [0]
    values = {"fluency": [-1.0] * 4, "relevance": [2.5, 0.0, 0.2, 0.0], "novelty": [0.0] * 4}
    words = words_of("iron is stored", [0, 5, 8, 14], values)
    assert listed("iron is stored", words, "relevance") == [("iron", 2.5), ("stored", 0.2)]
    assert [(p, r) for p, _, r, _ in segments("iron is stored", words)] == [("iron", 2), (" is stored", 0)]


def test_novelty_shades_the_words_that_were_foreseen_most_and_all_of_them_alike():
    assert levels(np.array([0.0, 0.3, 0.0, 0.001, 0.0]), "novelty").tolist() == [0, 2, 2, 2, 0]
    assert levels(np.zeros(3), "novelty").tolist() == [0, 0, 0]
    text = "rest helps; rest helps a lot"
    values = {"fluency": [-1.0] * 6, "relevance": [0.0] * 6, "novelty": [0.0, 0.0, 0.02, 0.01, 0.0, 0.0]}
    words = words_of(text, [0, 4, 11, 16, 22, 24], values)
    assert listed(text, words, "novelty") == [("rest", 0.02), ("helps", 0.01)]  # as they stand in the text
    assert [(p, n) for p, _, _, n in segments(text, words) if n] == [("rest", 2), ("helps", 2)]


@pytest.mark.parametrize(("odd", "shaded"), [((1, 7), []), ((1, 4, 7, 9), [1, 4, 7, 9])])
def test_what_the_real_channels_say_of_a_row_is_shaded(odd, shaded):
    """Two odd words in sixteen count as usual ones, four stand out although none counts more than another; of a
    repetition the five words that say something again are shaded, one of them foreseen for certain."""
    text = "iron is stored in the liver and in the heart. iron is stored in the liver"
    starts = [match.start() for match in re.finditer(r"\S+", text)]
    encoded = Encoded(tuple(range(16)), (True,) * 16, (), tuple((s, s + 1) for s in starts), False)
    nll, alone = np.full(16, 1.0), np.array([5.0] * 10 + [3.0, 0.1, 0.1, 0.0, 0.1, 0.1])
    nll[list(odd)] = 9.0
    row = Row((Message("assistant", text),), "a.jsonl", 1, {})
    terms = forward_channels(Readings([nll], [alone], []), [row], [encoded]).terms
    words = words_of(text, starts, {name: terms[name][0].tolist() for name in EXPLAINED})
    assert np.flatnonzero(levels(words.value["fluency"], "fluency")).tolist() == shaded
    assert np.flatnonzero(levels(words.value["novelty"], "novelty")).tolist() == [11, 12, 13, 14, 15]
    assert [word for word, _ in listed(text, words, "novelty")] == ["is", "stored", "in", "the", "liver"]


def test_listed_words_come_worst_first_and_the_end_has_a_name():
    text = " ".join(["fine"] * 12) + " xqz"
    starts = [*range(0, 60, 5), 60, 64]
    words = words_of(text, starts, {"fluency": [-0.01] * 12 + [-0.5, -0.9]})
    assert [word for word, _ in listed(text, words, "fluency")] == [END, "xqz"]

"""Forward channels by hand, from likelihoods that are made up."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from clues.data.encoding import Encoded, encode
from clues.data.rows import Message, Row
from clues.scoring.contributions import words_of
from clues.scoring.forward import Forward, forward_channels
from clues.scoring.readings import Readings

TEN = "one two three four five six seven eight nine ten"


def row(*turns: str) -> Row:
    """A conversation: question, answer, question, and so on."""
    roles = ("user", "assistant") * len(turns)
    return Row(tuple(Message(r, t) for r, t in zip(roles, turns, strict=False)), "f", 1, {})


def words_encoded(text: str, parts: int = 1, ended: bool = True) -> Encoded:
    """One token per word, or several, each with the space before it as tokenizers do; then the end."""
    spans = []
    for m in re.finditer(r" ?\S+", text):
        edges = np.linspace(m.start(), m.end(), parts + 1).astype(int).tolist()
        spans += pairwise(edges)
    spans += [(len(text), len(text))] if ended else []
    mask = (False, *[True] * len(spans))
    return Encoded(tuple(range(len(mask))), mask, (len(spans),) if ended else (), tuple(spans), not ended)


def forward(text: str, conditional, alone=None, contrasts=(), encoded: Encoded | None = None) -> Forward:
    """Channels of one row whose tokens are the words of `text` and the end, unless it is encoded otherwise."""
    conditional = np.asarray(conditional, np.float32)
    alone = conditional if alone is None else np.asarray(alone, np.float32)
    readings = Readings([conditional], [alone], [[np.asarray(c, np.float32)] for c in contrasts])
    return forward_channels(readings, [row("Q?", text)], [encoded or words_encoded(text)])


def channel(name: str, *args, **more) -> float:
    return float(forward(*args, **more).channels[f"{name}.forward"][0])


def test_fluency_counts_the_most_surprising_fifth_as_the_next_word():
    """Of ten words two; the end of the answer, surprising as it is here, is no word."""
    surprise = [1, 2, 3, 4, 5, 6, 7, 8, 50, 900, 77]
    assert channel("fluency", TEN, surprise) == pytest.approx(-(1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 8 + 8) / 10)
    found = forward(TEN, surprise).terms["fluency"][0]
    assert found.tolist() == pytest.approx([-i / 10 for i in (1, 2, 3, 4, 5, 6, 7, 8, 8, 8)] + [0])


def test_fluency_of_fewer_than_five_words_is_their_mean():
    assert channel("fluency", "one two three four", [1, 1, 1, 9, 5]) == pytest.approx(-3)
    assert channel("fluency", "one two three four five", [1, 1, 1, 3, 9, 5]) == pytest.approx(-9 / 5)
    assert channel("fluency", "one", [4, 5]) == -4
    assert channel("fluency", "one two", [0, 0, 5]) == 0


@pytest.mark.parametrize("name", ["fluency", "novelty"])
def test_words_count_and_not_the_tokens_they_are_split_into(name):
    rng = np.random.default_rng(0)
    surprise = rng.exponential(3, 11).astype(np.float32)
    split = np.append((surprise[:10, None] * rng.dirichlet([1, 1, 1], 10)).ravel(), surprise[10])
    whole = channel(name, TEN, surprise)
    assert channel(name, TEN, split, encoded=words_encoded(TEN, 3)) == pytest.approx(whole, rel=1e-5)
    assert channel(name, TEN, np.append(surprise[:10] * 2, 1)) == pytest.approx(2 * whole, rel=1e-5)  # felt at all


def test_typing_errors_hurt_less_than_words_that_are_missing():
    """Few words that are very surprising, against many that are a little more surprising than before."""
    text = " ".join(["word"] * 20)
    good, typos, deletions = (np.full(21, 2.0) for _ in range(3))
    typos[[3, 8, 15]], deletions[:20:2] = 15.0, 4.0
    assert typos.mean() > deletions.mean()  # by the mean it is the other way round
    assert channel("fluency", text, good) == channel("fluency", text, typos) == -2
    assert channel("fluency", text, deletions) == pytest.approx(-3)


def test_relevance_is_the_sum_of_the_five_largest_gains_among_sixty_tokens():
    text = " ".join(["word"] * 69)
    conditional, first, second = np.ones(70), np.ones(70), np.ones(60)
    places, gains = [3, 10, 20, 30, 40, 59], np.array([1.0, 2, 3, 4, 5, 6])
    first[places], second[places] = 1 + 2 * gains, 1.0  # their mean is 1 + gain
    first[[60, 65]], first[7] = 500, 0  # too late, and worse than without the question
    found = forward(text, conditional, contrasts=(first, second))
    assert found.channels["relevance.forward"][0] == 20
    assert {i: t for i, t in enumerate(found.terms["relevance"][0].tolist()) if t} == dict(
        zip(places[1:], [2.0, 3, 4, 5, 6], strict=True)
    )
    assert channel("relevance", text, conditional, contrasts=(first, np.append(second, np.ones(10)))) == 20
    assert channel("relevance", text, conditional, first) == 2 * 20  # alone all tokens are read
    assert channel("relevance", text, conditional, contrasts=(first[:31], second)) == 1 + 2 + 3 + 4  # one is cut off


def test_relevance_without_other_questions_is_held_against_the_answer_alone():
    own, alone = np.ones(11), np.arange(11.0)
    assert channel("relevance", TEN, own, alone) == 5 + 6 + 7 + 8 + 9
    assert channel("relevance", TEN, own, alone, contrasts=(own + 1, own + 3)) == 5 * 2
    assert channel("relevance", "one two", [4, 4, 4], [5, 3, 4.5]) == pytest.approx(1 - 1 + 0.5)


def test_completeness_is_the_log_probability_of_the_end():
    assert channel("completeness", TEN, np.arange(11.0)) == -10
    cut = forward(TEN, np.ones(10), np.ones(11), encoded=words_encoded(TEN, ended=False))
    assert np.isnan(cut.channels["completeness.forward"][0])
    assert np.isfinite([cut.channels[f"{name}.forward"][0] for name in ("fluency", "relevance", "novelty")]).all()


def test_novelty_finds_a_sentence_that_is_said_again_without_any_question():
    text = "Rest helps with a fever. Drink water and tea often. Rest helps with a fever. See a doctor soon."
    alone = np.full(20, 4.0)
    alone[10:15], alone[:3] = [0.3, 0.1, 0.2, 0.1, 0.3], 0.1  # three words in a row alone are no repetition
    found = forward(text, np.full(20, 9.0), alone)
    assert found.channels["novelty.forward"][0] == pytest.approx(0.2)
    words = words_of(
        text, [start for start, _ in words_encoded(text).spans], {"novelty": found.terms["novelty"][0].tolist()}
    )
    assert np.flatnonzero(words.value["novelty"]).tolist() == [10, 11, 12, 13, 14]
    assert [text[s:e] for s, e in zip(words.start[10:15], words.end[10:15], strict=True)] == text.split()[:5]


def test_novelty_of_few_words_is_their_mean():
    assert channel("novelty", "one two three four five", [1, 2, 3, 4, 5, 60]) == 3
    assert channel("novelty", "one two three", [1, 2, 6, 60]) == 3
    assert channel("novelty", "one", [7, 60]) == 7
    assert channel("novelty", TEN, [9, 9, 1, 1, 1, 1, 1, 9, 9, 9, 60]) == 1


def test_an_answer_without_a_word_has_channels_that_say_nothing():
    found = forward("", [3.0])
    assert [float(found.channels[f"{n}.forward"][0]) for n in ("fluency", "novelty", "completeness")] == [0, 0, -3]
    assert [t[0].tolist() for t in found.terms.values()] == [[0.0]] * 3


def test_terms_add_up_to_channels_and_rows_do_not_touch_each_other():
    rng = np.random.default_rng(1)
    lengths = [1, 3, 7, 40, 90]
    texts = [" ".join(["word"] * n) for n in lengths]
    draws = [[rng.exponential(2, n + 1).astype(np.float32) for n in lengths] for _ in range(4)]
    rows, encoded = [row("Q?", text) for text in texts], [words_encoded(text) for text in texts]
    found = forward_channels(Readings(draws[0], draws[1], draws[2:]), rows, encoded)
    for name, terms in found.terms.items():
        assert [len(t) for t in terms] == [n + 1 for n in lengths]
        assert [t.sum() for t in terms] == pytest.approx(found.channels[f"{name}.forward"].tolist(), rel=1e-5)
    for i, text in enumerate(texts):
        one = forward(text, draws[0][i], draws[1][i], [draws[2][i], draws[3][i]])
        for name, values in found.channels.items():
            assert values[i] == pytest.approx(one.channels[name][0])


def test_turns_of_a_conversation_are_one_answer_with_several_ends(tokenizer):
    answers = ("Rest is good.", "Drink warm water.")
    talk = row("What helps?", answers[0], "And then?", answers[1])
    e = encode(talk, tokenizer, 500)
    starts = np.array([start for start, _ in e.spans])
    ends = [i for i, (start, end) in enumerate(e.spans) if start == end]
    surprise = np.where(starts < len(answers[0]), 1.0, 3.0)
    surprise[ends] = 7.0, 9.0
    tokens = [int((starts < len(answers[0])).sum()), int((starts > len(answers[0])).sum()) - 1]
    found = forward_channels(Readings([surprise], [surprise], []), [talk], [e])
    assert found.channels["completeness.forward"][0] == -8
    inside = np.where(np.isin(range(len(starts)), ends), 0, surprise)
    by_word = words_of(talk.response, starts.tolist(), {"x": inside.tolist()})
    assert by_word.value["x"].sum() == tokens[0] * 1 + tokens[1] * 3
    sums = np.sort(by_word.value["x"][:-1])  # six words, of which one is the most surprising fifth
    assert found.channels["fluency.forward"][0] == pytest.approx(-(sums[:5].sum() + sums[4]) / 6)
    five = by_word.value["x"][:-1]
    assert found.channels["novelty.forward"][0] == pytest.approx(min(five[:5].sum(), five[1:].sum()) / 5)


def test_a_truncated_row_is_shorter_with_its_prompt_than_without(tokenizer):
    """What is lost with the prompt counts nowhere, however foreseen it is without."""
    long = row("What helps against fever? " * 8, TEN)
    whole, alone = encode(long, tokenizer, 1000), encode(long.without_prompt(), tokenizer, 1000)
    size = len(whole) - sum(whole.response_mask)
    e = encode(long, tokenizer, size + 12)
    kept = sum(e.response_mask)
    assert (e.truncated, kept < sum(alone.response_mask)) == (True, True)
    conditional, without = np.ones(kept), np.full(sum(alone.response_mask), 2.0)
    without[kept:] = -1000.0
    found = forward_channels(Readings([conditional], [without], []), [long], [e])
    assert found.channels["relevance.forward"][0] == 5
    assert found.channels["novelty.forward"][0] > 0
    assert {len(terms[0]) for terms in found.terms.values()} == {kept}
    found = forward_channels(Readings([conditional], [without[:4]], []), [long], [e])  # or, by a template, longer
    assert found.channels["relevance.forward"][0] == 4
    assert {len(terms[0]) for terms in found.terms.values()} == {kept}


def test_signs_of_a_script_without_spaces_are_words(tokenizer):
    """Ten signs, the last with a full stop, each of several tokens; the two most surprising count as the third."""
    text = "糖尿病是一种慢性疾病。"
    e = encode(row("什么？", text), tokenizer, 500)
    sign = np.array([start for start, _ in e.spans])
    assert len(sign) > 2 * len(text)
    size = np.bincount(sign)
    wanted = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 80, 90, 0])
    surprise = (wanted / size)[sign]
    surprise[-1] = 33.0  # the end
    found = forward_channels(Readings([surprise], [surprise], []), [row("什么？", text)], [e])
    assert found.channels["fluency.forward"][0] == pytest.approx(-(36 + 8 + 8) / 10, rel=1e-5)
    assert found.channels["novelty.forward"][0] == pytest.approx(3, rel=1e-5)

"""ROUGE-L and chrF against values worked out by hand, in languages that write otherwise than English."""

from __future__ import annotations

import unicodedata

import pytest

from clues.evaluation.answers.answer import Answer
from clues.evaluation.answers.rouge_chrf import Words, chrf, mean_scores, rouge_l, row_scores
from tests.helpers.known import known


def answer(n: int, text: str, reference: str) -> Answer:
    return Answer(f"{n}-0", f"d{n}", "q", "q", reference, text, 3, True)


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence():
    # the cat _ on _ mat: 4 of 6 words either way
    assert rouge_l(["The cat lay on a mat."], ["The cat sat on the mat"])[0] == pytest.approx(400 / 6)
    # "a c" in order: precision 2/2, recall 2/4
    assert rouge_l(["a c"], ["a b c d"])[0] == pytest.approx(100 * 2 * 1 * 0.5 / 1.5)
    # order counts: of "c a" one word remains
    assert rouge_l(["c a"], ["a b c d"])[0] == pytest.approx(100 * 2 * 0.5 * 0.25 / 0.75)


def test_chrf_is_the_f2_of_character_n_grams():
    # 1-grams 2 of 3, 2-grams 1 of 2, 3-grams 0 of 1, precision and recall alike; longer ones there are none
    assert chrf(["abc"], ["abd"])[0] == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)
    # "ab" of "abcd": precision 1 and 1; recall 2/4, 1/3 (sacrebleu leaves out orders that the answer is too short for)
    precision, recall = 1.0, (2 / 4 + 1 / 3) / 2
    assert chrf(["ab"], ["abcd"])[0] == pytest.approx(100 * 5 * precision * recall / (4 * precision + recall))
    assert chrf(["a b c"], ["abc"])[0] == pytest.approx(100)


@pytest.mark.parametrize("measure", [rouge_l, chrf])
def test_nothing_in_common_or_nothing_at_all_is_zero(measure):
    assert measure(["xyz", "", "xyz"], ["abc", "abc", "..."]).tolist() == [0, 0, 0]
    assert measure(["los días así"], ["los días así"])[0] == pytest.approx(100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Los síntomas más comunes", ["los", "síntomas", "más", "comunes"]),
        ("L'œdème où ça gêne", ["l'œdème", "où", "ça", "gêne"]),
        ("Perché così-così, è più", ["perché", "così-così", "è", "più"]),
        ("Größe: 3,5 mg", ["grösse", "3", "5", "mg"]),
        ("糖尿病。", ["糖", "尿", "病"]),
        ("ปวดหัว", ["ป", "ว", "ด", "หั", "ว"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("당뇨병 증상", ["당뇨병", "증상"]),
    ],
)
def test_words_of_other_languages_stay_whole(text, expected):
    assert Words().tokenize(text) == expected
    assert Words().tokenize(unicodedata.normalize("NFD", text)) == expected


def test_accents_count_and_their_spelling_does_not():
    """rouge-score's own tokenizer would see "d as" in both."""
    assert rouge_l(["los dias"], ["los días"])[0] == pytest.approx(50)
    assert rouge_l(["las çürük"], ["las ışık"])[0] == pytest.approx(50)
    for measure in (rouge_l, chrf):
        assert measure([unicodedata.normalize("NFD", "lésion bénigne")], ["lésion bénigne"])[0] == pytest.approx(100)


def test_without_spaces_a_part_of_an_answer_is_a_part():
    # 4 of 4 characters, of 6: F1 = 2 · 1 · (4/6) / (1 + 4/6)
    assert rouge_l(["病の症状"], ["糖尿病の症状"])[0] == pytest.approx(80)


def test_means_come_with_intervals_over_documents():
    rows = row_scores([answer(0, "a b", "a b"), answer(1, "x", "a b"), answer(2, "a", "a b")])
    means = mean_scores(rows, ["d0", "d1", "d2"])
    assert means["rouge_l"] == pytest.approx((100 + 0 + 200 / 3) / 3)
    assert means["rouge_l_low"] == 0
    assert means["rouge_l_high"] == 100
    assert known(means["chrf_low"]) < known(means["chrf"]) < known(means["chrf_high"])
    assert mean_scores(rows, ["one"] * 3)["chrf_low"] is None

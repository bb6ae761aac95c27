"""Overlap: planted duplicates are found, nothing else is, and counts hold no text."""

from __future__ import annotations

import json
from dataclasses import replace

from clues.data.overlap import Match, between, distinct, duplicates, overlap
from clues.data.pool import packaged_rows
from clues.data.rows import Message, Row
from clues.data.words import nearly_same


def make_row(line: int, question: str, answer: str) -> Row:
    return Row((Message("user", question), Message("assistant", answer)), "mine.jsonl", line, {})


def test_duplicates_are_grouped_by_messages() -> None:
    rows = [make_row(i, question, answer) for i, (question, answer) in enumerate(["ab", "cd", "ab", "ad", "cd", "ab"])]
    assert duplicates(rows) == [[0, 2, 5], [1, 4]]
    assert duplicates(rows[:2]) == []


def test_planted_overlap_is_found_and_nothing_else() -> None:
    pool = packaged_rows()
    mine, anchors, test = pool[:100], pool[100:200], pool[200:300]
    text = anchors[7].response.split()
    nearly = " ".join([*text[:-2], "altogether", text[-1]])
    planted = [
        make_row(901, "Another question ?", f"  {test[3].response.upper()} "),
        make_row(902, "Yet another ?", nearly),
        make_row(903, anchors[11].prompt, "An answer that nobody has given so far to this."),
    ]
    assert nearly_same(nearly, anchors[7].response)
    found = overlap([*mine, *planted], {"anchors": anchors, "test": test})
    assert set(found.matches) == {
        Match(planted[0].id, "test", test[3].line, "exact"),
        Match(planted[1].id, "anchors", anchors[7].line, "near"),
        Match(planted[2].id, "anchors", anchors[11].line, "prompt"),
    }
    assert found.rows == 3
    assert found.counts == {
        "anchors": {"exact": 0, "near": 1, "prompt": 1},
        "test": {"exact": 1, "near": 0, "prompt": 0},
    }
    assert planted[1].id not in json.dumps(found.counts)


def test_a_spoiled_answer_to_a_public_question_is_found_by_its_prompt() -> None:
    public = packaged_rows()[:20]
    cut = replace(public[4].with_responses([public[4].response[:40]]), line=77)
    (match,) = overlap([cut], {"test": public}).matches
    assert (match.line, match.kind) == (public[4].line, "prompt")


def test_near_duplicates_at_the_threshold_are_not_missed() -> None:
    """200 texts lie just above it, and 200 just below."""
    kept = []
    for i in range(200):
        text = [f"{i}w{j}" for j in range(40)]
        other = [*text[:-6], *(f"{i}v{j}" for j in range(6))]  # Jaccard 32 / 44 = 0.73
        kept.append((make_row(i, f"q{i}", " ".join(text)), make_row(i, f"p{i}", " ".join(other))))
    found = overlap([pair[0] for pair in kept], {"public": [pair[1] for pair in kept]})
    assert found.counts["public"]["near"] == 200
    short = [make_row(0, "q", " ".join(f"{i}w{j}" for j in range(34))) for i in range(200)]  # 32 / 45 = 0.71 of none
    assert (
        overlap(short, {"public": [make_row(1, "p", pair[0].response) for pair in kept]}).counts["public"]["near"]
        == 200
    )
    less = [make_row(0, "q", " ".join(f"{i}w{j}" for j in range(28))) for i in range(200)]  # 26 / 38 = 0.68
    assert overlap(less, {"public": [make_row(1, "p", pair[0].response) for pair in kept]}).rows == 0


def test_short_answers_to_other_questions_are_no_leak() -> None:
    public = [make_row(n, f"Is item {n} large?", "Yes, it is.") for n in range(1, 31)]
    mine = [make_row(n, f"Is thing {n} large?", "yes, it  is.") for n in range(1, 241)]
    assert overlap(mine, {"anchors": public}).rows == 0
    same = make_row(5, "is item 7 large?", "Yes, it is.")
    (match,) = overlap([same], {"anchors": public}).matches
    assert (match.line, match.kind) == (7, "exact")
    (match,) = overlap([make_row(5, "is item 7 large?", "No.")], {"anchors": public}).matches
    assert (match.line, match.kind) == (7, "prompt")


def test_public_sets_are_compared_with_one_another() -> None:
    pool = packaged_rows()
    public = {"validation": pool[:20], "anchors": pool[15:40], "test": pool[60:80]}
    none = {"exact": 0, "near": 0, "prompt": 0}
    assert between(public) == {
        ("validation", "anchors"): none | {"exact": 5},
        ("validation", "test"): none,
        ("anchors", "test"): none,
    }


def test_distinct_keeps_the_first_of_nearly_equal_answers() -> None:
    rows = packaged_rows()[:50]
    again = [make_row(900 + i, f"q{i}", row.response + " Truly.") for i, row in enumerate(rows[:5])]
    assert distinct([*rows, *again, *rows]) == rows


def test_language_without_spaces() -> None:
    mine = [make_row(1, "什么是糖尿病?", "糖尿病患者应该每天测量血糖并按时服药。")]
    public = [
        make_row(5, "糖尿病怎么治疗?", "糖尿病患者应该每天测量血糖并按时吃药。"),
        make_row(6, "哮喘?", "哮喘是一种慢性病。"),
    ]
    (match,) = overlap(mine, {"anchors": public}).matches
    assert (match.line, match.kind) == (5, "near")


def test_nothing_to_compare() -> None:
    assert overlap([], {"anchors": packaged_rows()[:2]}).counts == {"anchors": {"exact": 0, "near": 0, "prompt": 0}}
    assert overlap(packaged_rows()[:2], {"anchors": []}).rows == 0

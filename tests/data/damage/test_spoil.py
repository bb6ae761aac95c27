"""Damage: always a change, only from the seed, the asked share and kinds, labels and records that agree."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clues.data.damage.spoil import HARMLESS, KINDS, SUBTLE, corrupt_rows, spoil, spoiled
from clues.data.pool import packaged_rows
from clues.data.rows import Message, Row
from clues.data.words import jaccard, join, languages, nearly_same, pieces, shingles, words
from clues.errors import CannotSpoil

ENGLISH = [f"The {w} is treated with {w} medicine. It helps most {w} patients within a week." for w in "abcdefghij"]
CHINESE = [
    "糖尿病患者应该每天测量血糖并按时服药。",
    "哮喘是一种常见的慢性呼吸道疾病。",
    "贫血通常由缺铁引起,需要补充铁剂。",
]
THAI = ["โรคเบาหวานทำให้ระดับน้ำตาลในเลือดสูง", "โรคหืดเป็นโรคเรื้อรังของทางเดินหายใจ", "ภาวะโลหิตจางเกิดจากการขาดธาตุเหล็ก"]
ALL = KINDS + SUBTLE + HARMLESS
EDITED = [kind for kind in KINDS if "exchange" not in kind]
SEEDS = st.integers(0, 10_000)
WORDS = st.text("abcdeéß中文的ด.!,", min_size=1, max_size=8)
TEXTS = st.lists(WORDS, min_size=2, max_size=60).map(" ".join).filter(lambda text: len(words(text)) > 1)


def make_row(line: int, question: str, answer: str) -> Row:
    record = {"id": line, "question": question, "answer": answer}
    return Row((Message("user", question), Message("assistant", answer)), "x.jsonl", line, record)


def make_rows(count: int) -> list[Row]:
    """Rows with questions and answers of their own."""
    topics = ["".join(random.Random(i).choices("bcdfglmnprstaeiou", k=9)) for i in range(count)]
    texts = [
        f"{t} is a disease of the {t}oid gland. Most people with {t} recover after {i} weeks of rest."
        for i, t in enumerate(topics)
    ]
    return [make_row(i, f"What is {t} ?", text) for i, (t, text) in enumerate(zip(topics, texts, strict=True), start=1)]


def labels(rows: Sequence[Row]) -> list[str]:
    return [row.record["clues_label"] for row in rows]


@given(text=TEXTS, kind=st.sampled_from(EDITED), seed=SEEDS)
def test_edit_changes_text_and_repeats_with_seed(text: str, kind: str, seed: int) -> None:
    (first,) = spoil([text], kind, random.Random(seed))
    assert first.split() != text.split()
    assert spoil([text], kind, random.Random(seed)) == [first]


@given(text=TEXTS)
def test_pieces_lose_nothing(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert join(pieces(text)) == text


@given(count=st.integers(2, 200), seed=SEEDS)
def test_cut_keeps_a_beginning_of_20_to_60_percent(count: int, seed: int) -> None:
    text = " ".join(f"w{i}" for i in range(count))
    (result,) = spoil([text], "cut", random.Random(seed))
    assert text.startswith(result)
    assert 0.2 * count <= len(result.split()) <= 0.6 * count


@pytest.mark.parametrize("seed", range(20))
def test_cut_leaves_no_whole_sentence(seed: int) -> None:
    assert not any(
        text.endswith(".") for text in spoil(["One two. Three four. Five six seven."] * 5, "cut", random.Random(seed))
    )


@given(count=st.integers(2, 200), seed=SEEDS)
def test_deletion_takes_30_percent_and_keeps_order(count: int, seed: int) -> None:
    text = " ".join(str(i) for i in range(count))
    (result,) = spoil([text], "deletion", random.Random(seed))
    left = [int(word) for word in result.split()]
    assert left == sorted(left)
    assert len(left) == count - max(1, round(0.3 * count))


@given(seed=SEEDS)
def test_noise_inserts_known_words(seed: int) -> None:
    results = spoil(ENGLISH, "noise", random.Random(seed))
    vocabulary = {word for text in ENGLISH for word in words(text)}
    for text, result in zip(ENGLISH, results, strict=True):
        inserted = Counter(result.split()) - Counter(text.split())
        assert sum(inserted.values()) == round(0.3 * len(text.split()))
        assert set(inserted) <= vocabulary


@given(seed=SEEDS)
def test_mixed_language_replaces_words_by_one_other_language(seed: int) -> None:
    for text, result in zip(ENGLISH, spoil(ENGLISH, "mixed-language", random.Random(seed)), strict=True):
        before, after = text.split(), result.split()
        changed = [new for old, new in zip(before, after, strict=True) if old != new]
        assert len(changed) == round(0.3 * len(before))


def test_mixed_language_spares_the_texts_own() -> None:
    german = (
        "Das ist eine Krankheit, die nicht durch den Arzt, sondern immer wieder auch durch das Wasser der Stadt kommt."
    )
    for seed in range(30):
        (result,) = spoil([german], "mixed-language", random.Random(seed))
        new = Counter(words(result)) - Counter(words(german))
        assert not set(new) & {word.casefold() for word in languages()["German"]} - {"en", "die"}


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), seed=SEEDS)
@example(texts=["a. ,ด"], seed=0)
def test_repetition_grows_by_half(texts: list[str], seed: int) -> None:
    for text, result in zip(texts, spoil(texts, "repetition", random.Random(seed)), strict=True):
        assert len(pieces(result)) >= 1.5 * len(pieces(text))
        assert set(words(result)) == set(words(text))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [CHINESE, THAI], ids=["Chinese", "Thai"])
def test_languages_without_spaces_go_by_characters(texts: list[str], kind: str) -> None:
    prompts = [text[:6] for text in texts]
    results = spoil(texts, kind, random.Random(1), prompts)
    for text, result in zip(texts, results, strict=True):
        assert result != text
        if kind == "cut":
            assert 0.15 * len(text) <= len(result) <= 0.75 * len(text)
        if kind in ("deletion", "noise", "repetition"):
            assert " " not in result
        if "exchange" in kind:
            assert result in texts


@given(seed=SEEDS, count=st.integers(2, 25))
def test_exchange_passes_every_answer_on_once(seed: int, count: int) -> None:
    rows = make_rows(count)
    results = spoiled(rows, "exchange", seed)
    assert sorted(row.response for row in results) == sorted(row.response for row in rows)
    assert not any(nearly_same(a.response, b.response) for a, b in zip(rows, results, strict=True))
    assert [row.prompt for row in results] == [row.prompt for row in rows]


@given(seed=SEEDS, kind=st.sampled_from(["exchange", "near-exchange"]))
def test_exchange_never_gives_nearly_the_same_or_the_same_question(seed: int, kind: str) -> None:
    rows = make_rows(6)
    twins = [make_row(10 + i, f"Tell me about {i}", row.response + " Indeed.") for i, row in enumerate(rows[:3])]
    again = [
        make_row(20 + i, row.prompt.upper(), f"{i} says something else altogether here.")
        for i, row in enumerate(rows[:3])
    ]
    rows = [*rows, *twins, *again]
    for row, result in zip(rows, spoiled(rows, kind, seed), strict=True):
        (giver,) = [other for other in rows if other.response == result.response]
        assert not nearly_same(row.response, result.response)
        assert words(giver.prompt) != words(row.prompt)


def test_near_exchange_takes_the_most_similar_question() -> None:
    prompts = [
        "What causes asthma in children ?",
        "How common is gout ?",
        "What causes asthma in adults ?",
        "Is gout common ?",
    ]
    answers = [
        "Allergens are one cause.",
        "About four percent have it.",
        "Dust and smoke at work.",
        "Yes, among older men.",
    ]
    results = spoil(answers, "near-exchange", random.Random(0), prompts)
    assert results == [answers[2], answers[3], answers[0], answers[1]]


@given(
    count=st.integers(0, 40),
    share=st.floats(0, 1),
    kinds=st.lists(
        st.sampled_from(["cut", "deletion", "noise", "mixed-language", "repetition"]), min_size=1, unique=True
    ),
    seed=SEEDS,
)
def test_corruption_has_the_exact_share_order_and_labels(count: int, share: float, kinds: list[str], seed: int) -> None:
    rows = make_rows(count)
    results = corrupt_rows(rows, share, kinds, seed)
    found = Counter(labels(results))
    assert len(rows) - found.pop("clean", 0) == round(share * count)
    assert set(found) <= set(kinds)
    assert max((found[k] for k in kinds), default=0) - min((found[k] for k in kinds), default=0) <= 1
    for row, result in zip(rows, results, strict=True):
        assert (result.line, result.prompt, result.record["id"]) == (row.line, row.prompt, row.record["id"])
        assert (result.response == row.response) == (result.record["clues_label"] == "clean")
        assert result.record["answer"] == result.response
        assert "clues_label" not in row.record


def test_corruption_depends_on_the_seed_alone() -> None:
    """Another process, with another order of sets of strings, gives the same."""
    program = "from tests.data.damage.test_spoil import *; print(corrupt_rows(packaged_rows()[:80], 0.5, ALL, 3))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"PYTHONHASHSEED": "1"}
    )
    rows = packaged_rows()[:80]
    results = corrupt_rows(rows, 0.5, ALL, 3)
    assert run.stdout.strip() == str(results), run.stderr
    assert {*SUBTLE, *HARMLESS} <= set(labels(results))
    assert corrupt_rows(rows, 0.5, ALL, 3) != corrupt_rows(rows, 0.5, ALL, 4)


def test_recorded_damage_stays_as_it_was() -> None:
    """Figures are on record for rows spoiled like this: other rows need a new record."""
    kinds = [kind for kind in KINDS if kind != "near-exchange"]  # that one depends on another library
    results = corrupt_rows(packaged_rows()[:200], 0.5, kinds, 3)
    text = "\n".join(f"{row.record['clues_label']} {row.response}" for row in results)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "a6806a85284baa78"


@pytest.mark.parametrize("site", sorted({row.record["source"] for row in packaged_rows()}))
@pytest.mark.parametrize("kinds", [KINDS + SUBTLE, ALL], ids=["ten", "eleven"])
def test_kinds_that_few_rows_can_have_come_in_equal_parts(site: str, kinds: tuple[str, ...]) -> None:
    rows = [row for row in packaged_rows() if row.record["source"] == site][:120]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = corrupt_rows(rows, 0.5, kinds, 1)
    found = Counter(labels(results))
    assert len(rows) - found.pop("clean") == round(0.5 * len(rows))
    assert max(found.values()) - min(found[kind] for kind in kinds) <= 1
    for row, result in zip(rows, results, strict=True):
        assert (result.response == row.response) == (result.record["clues_label"] == "clean")


CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is gout ?"},
    {"role": "assistant", "content": "Gout is a painful disease of the joints."},
    {"role": "user", "content": "Who gets it ?"},
    {"role": "assistant", "content": "Mostly men older than forty years."},
]
RECORDS = [
    {"prompt": "What is gout ?", "response": "Gout is a painful disease of the joints.", "more": 1},
    {"instruction": "Explain.", "input": "gout", "output": " Gout is a painful disease of the joints.\n"},
    {"messages": CHAT, "tags": [{"name": "joints"}]},
    {"conversations": [{"from": m["role"].replace("assistant", "gpt"), "value": m["content"]} for m in CHAT]},
    {"q": "What is gout ?", "a": "Gout is a painful disease of the joints."},
    {"messages": json.dumps(CHAT)},
]


@pytest.mark.parametrize(
    "record", RECORDS, ids=["prompt", "instruction", "messages", "conversations", "mapped", "cell"]
)
@pytest.mark.parametrize("kind", ["cut", "exchange"])
def test_record_carries_the_new_answer(record: dict, kind: str) -> None:
    chat = "messages" in record or "conversations" in record
    messages = (
        CHAT
        if chat
        else [CHAT[1], {"role": "assistant", "content": next(v for v in record.values() if "Gout is" in str(v))}]
    )
    row = Row(tuple(Message(m["role"], m["content"]) for m in messages), "x.jsonl", 1, record)
    before = repr(record)
    result = spoiled([row, *make_rows(1)], kind, 0)[0]
    assert repr(record) == before
    assert list(result.record) == [*record, "clues_label"]
    assert all(old != new for old, new in zip(row.responses, result.responses, strict=True))
    turns = result.record.get("messages") or result.record.get("conversations")
    if turns:
        turns = json.loads(turns) if isinstance(turns, str) else turns
        assert [turn.get("content", turn.get("value")) for turn in turns] == [m.content for m in result.messages]
    else:
        assert result.response in result.record.values()
        assert row.response not in result.record.values()


def test_row_without_its_answer_in_the_record_is_an_error() -> None:
    row = Row((Message("user", "Why ?"), Message("assistant", "For a reason.")), "x.jsonl", 7, {"text": "other"})
    with pytest.raises(ValueError, match=r"x\.jsonl:7: no field holds the row's answer; there are text"):
        spoiled([row], "cut", 0)


def test_too_short_answers_are_reported_or_spoiled_otherwise() -> None:
    rows = [*make_rows(4), make_row(9, "Is it rare ?", "Yes.")]
    with pytest.raises(
        CannotSpoil, match=r"x\.jsonl:9: cannot be spoiled by cut, which needs an answer of at least two"
    ):
        spoiled(rows, "cut", 0)
    with pytest.raises(CannotSpoil, match="response 0"):
        spoil(["Yes."], "exchange", random.Random(0))
    with pytest.warns(UserWarning, match="could not be spoiled as drawn"):
        results = [corrupt_rows(rows, 1, ["cut", "repetition"], seed) for seed in range(10)]
    assert {tuple(sorted(Counter(labels(result)))) for result in results} == {("cut", "repetition")}
    assert all(result[4].record["clues_label"] == "repetition" for result in results)


def test_another_row_takes_over_or_there_is_an_error() -> None:
    rows = [*make_rows(4), *(make_row(9 + i, f"Is it rare {i} ?", "Yes.") for i in range(4))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(5):
            assert labels(corrupt_rows(rows, 0.5, ["cut"], seed)) == ["cut"] * 4 + ["clean"] * 4
            # A row that is too short for a cut may serve the other kind; there is one too few for the two.
            found = Counter(labels(corrupt_rows(rows, 0.75, ["cut", "repetition"], seed)))
            assert found == {"cut": 3, "repetition": 3, "clean": 2}
    with pytest.raises(CannotSpoil, match="only 4 of 8 rows can be spoiled: add kinds or lower the share"):
        corrupt_rows(rows, 1, ["cut"], 0)


def test_a_row_that_one_kind_cannot_use_serves_the_next() -> None:
    """Two rows have a number, two a name: those drawn crosswise swap places, and only half of them by the fill-up."""
    rows = [make_row(i, f"Why {i} ?", f"Take {i} of them.") for i in (1, 2)]
    rows += [
        make_row(9, "What is gout ?", "Some say gout hurts."),
        make_row(10, "What is asthma ?", "Some say asthma."),
    ]
    said = set()
    for seed in range(20):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert labels(corrupt_rows(rows, 1, ["number", "name"], seed)) == ["number", "number", "name", "name"]
        said |= {str(warning.message)[:6] for warning in seen}
    assert said == {"1 of 4", "2 of 4"}


@pytest.mark.parametrize(("share", "kinds"), [(1.1, ["cut"]), (-0.1, ["cut"]), (0.5, ["typo"]), (0.5, [])])
def test_bad_settings_are_errors(share: float, kinds: list[str]) -> None:
    with pytest.raises(ValueError, match=r"share of spoiled rows|kinds of damage"):
        corrupt_rows(make_rows(4), share, kinds, 0)


def test_similarity_counts_shared_word_triples() -> None:
    assert jaccard(shingles("a b c d"), shingles("a b c e")) == pytest.approx(1 / 3)
    assert nearly_same("Yes!", "yes")
    assert not nearly_same("Yes", "No")

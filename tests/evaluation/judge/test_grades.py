"""From replies to numbers: every row counts once, nothing unreadable is a number, and orders are undone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from clues.errors import AnswersError, JudgeError
from clues.evaluation.answers.answer import Answer, write_answers
from clues.evaluation.judge.agreement import agreement
from clues.evaluation.judge.cost import Prices, Tokens, judging_cost, tokens
from clues.evaluation.judge.grades import grades
from clues.evaluation.judge.judgements import judgement
from clues.evaluation.judge.prompts import NEEDED, packaged_prompt, prompts_from
from clues.evaluation.judge.requests import Refusal, Reply, Request
from clues.evaluation.judge.tasks import Judge, drawn, pair_tasks, read_models, reference_tasks
from clues.statistics.bootstrap import estimate
from tests.helpers.known import known

JUDGE = Judge("http://localhost/v1", "big", prompts_from([]))


def answer(n: int, text: str) -> Answer:
    """To row n; two rows in a document."""
    return Answer(
        f"{n}-abc", f"doc {n // 2}", f"Question {n}?", f"user: Question {n}?", f"Reference {n}.", text, 3, True
    )


def models(rows: int = 8) -> dict[str, list[Answer]]:
    return {name: [answer(n, f"{name} says {n}.") for n in range(rows)] for name in ("base", "tuned")}


def test_a_prompt_holds_all_texts_once_and_what_looks_like_a_place_stays():
    for how, places in NEEDED.items():
        every = " ".join(f"{{{name}}}" for name in frozenset().union(*NEEDED.values()))
        texts = {name: f"<{name} {every} \\1 $x>" for name in {*places, "reference"}}
        filled = packaged_prompt(how).fill(**texts)
        assert all(filled.count(text) == 1 for text in texts.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Grade {answer} to {question}.", "without {reference}"),
        ("{question} {answer_a}", "without {answer_b}"),
        ("{question} {answer_a} {answer_b} {answer}", "with {answer} beside {answer_a}"),
        ("Grade it.", "without {answer}"),
    ],
)
def test_a_prompt_without_a_place_is_refused(text, said, tmp_path):
    (tmp_path / "own.txt").write_text(text)
    with pytest.raises(JudgeError, match=re.escape(f"own.txt: a judge's prompt {said}")):
        prompts_from([tmp_path / "own.txt"])


def test_an_own_prompt_takes_the_place_of_ours_and_has_its_own_version(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text('{question}{reference}{answer} Reply as {"score": 0.5}')
    found = prompts_from([own])
    assert found["pairs"] == packaged_prompt("pairs")
    assert found["reference"].version != packaged_prompt("reference").version
    assert found["reference"].fill(question="q", reference="r", answer="a") == 'qra Reply as {"score": 0.5}'
    with pytest.raises(JudgeError, match="both prompts for reference"):
        prompts_from([own, own])


def test_both_orders_are_asked_and_undone():
    """A judge that always gives the tuned model's answer 9 and the base's 2, wherever they stand."""
    tasks = list(pair_tasks(models(), "base", JUDGE))
    assert len(tasks) == 16
    judged = []
    for task in tasks:
        text = task.request.prompt
        first = text.index("tuned says") < text.index("base says")
        assert first == (task.order == "ab")
        judged.append(judgement(task, Reply(f"Score A: {9 if first else 2}\nScore B: {2 if first else 9}")))
    (pair,) = grades(judged).pairs
    assert (pair.a, pair.b, pair.mean_a, pair.mean_b, pair.difference) == ("tuned", "base", 9, 2, 7)
    assert (pair.low, pair.high, pair.n, pair.documents) == (7, 7, 8, 4)
    found = known(pair.agreement)
    assert found.same == 1
    assert found.first_gain == 0


def test_a_judge_that_likes_the_first_says_nothing_and_is_found_out():
    judged = [judgement(task, Reply("8 6")) for task in pair_tasks(models(), "base", JUDGE)]
    (pair,) = grades(judged).pairs
    assert pair.difference == 0
    found = known(pair.agreement)
    assert (found.rows, found.same, found.kappa, found.spearman) == (8, 0.0, 0.0, None)
    assert (found.first_gain, found.first_gain_low, found.first_gain_high) == (2, 2, 2)


def test_the_unreadable_and_the_failed_are_counted_and_are_no_numbers():
    tasks = list(reference_tasks(models(4), JUDGE))
    found = [Reply("0.5"), Reply("no idea"), Refusal("status 500", True), Reply("0.7")] * 2
    found[4] = Reply("1.0")
    found[7] = Reply("Score: 0.9", finish_reason="length")
    judged = [judgement(task, reply) for task, reply in zip(tasks, found, strict=True)]
    whole = grades(judged)
    base, tuned = whole.models["base"], whole.models["tuned"]
    assert [getattr(base, name) for name in ("mean", "judged", "unreadable", "failed")] == [0.6, 2, 1, 1]
    assert [getattr(tuned, name) for name in ("mean", "judged", "unreadable", "failed")] == [1.0, 1, 2, 1]
    expected = ["judged", "unreadable", "failed"]
    assert [one.status for one in judged] == [*expected, "judged", *expected, "unreadable"]
    assert all(bool(one.why) == (one.scores is None) for one in judged)
    assert "limit of tokens" in judged[7].why
    assert judged[2].line.raw is None
    assert whole.pairs == []


def test_a_row_that_one_order_could_not_judge_is_in_no_mean():
    tasks = list(pair_tasks(models(4), "base", JUDGE))
    replies = [Reply("9 1") if task.order == "ab" else Reply("1 9") for task in tasks]
    replies[1] = Reply("hm")
    (pair,) = grades([judgement(*both) for both in zip(tasks, replies, strict=True)]).pairs
    assert (pair.n, pair.unreadable, pair.failed, known(pair.agreement).rows) == (3, 1, 0, 3)


def test_nothing_readable_is_no_number():
    tasks = [*reference_tasks(models(2), JUDGE), *pair_tasks(models(2), "base", JUDGE)]
    whole = grades([judgement(task, Reply("?")) for task in tasks], "base")
    assert whole.models["base"].mean is None
    assert whole.comparisons[0].difference is None
    assert whole.comparisons[0].n == 0
    assert (whole.pairs[0].difference, whole.pairs[0].agreement) == (None, None)


def test_a_comparison_is_paired_by_row_with_an_interval_over_documents():
    rng = np.random.default_rng(0)
    base = rng.uniform(0, 0.8, 40)
    tuned = base + rng.normal(0.1, 0.02, 40)
    tasks = list(reference_tasks(models(40), JUDGE))
    scores = np.concatenate([base, tuned]).round(6)
    judged = [judgement(task, Reply(f"{score:.6f}")) for task, score in zip(tasks, scores, strict=True)]
    (found,) = grades(judged, "base").comparisons
    expected = estimate(scores[40:] - scores[:40], [f"doc {n // 2}" for n in range(40)])
    assert (found.a, found.b, found.n, found.documents) == ("tuned", "base", 40, 20)
    assert found.difference == pytest.approx(expected.value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert known(found.low) > 0.08


def test_agreement_of_orders_by_hand():
    """a, b and equal: the same preference in 3 of 5; kappa by its definition; Spearman from ranks.

    Less their mean, the ranks are 1, 0, -2, -1, 2 and 2, -0.5, -2, 1, -0.5: products 4, squares 10 and 9.5.
    """
    ab, ba = [2, 1, -1, 0, 3], [1, -1, -2, 0, -1]
    found = agreement(ab, ba, list("abcde"))
    chance = (3 * 1 + 1 * 3 + 1 * 1) / 25
    assert found.same == 0.6
    assert found.kappa == pytest.approx((0.6 - chance) / (1 - chance))
    assert found.first_gain == pytest.approx(np.mean([0.5, 1, 0.5, 0, 2]))
    assert found.spearman == pytest.approx(4 / np.sqrt(10 * 9.5))
    assert agreement([1, 2], [2, 1], ["a", "b"]).kappa is None  # both orders always say a


def test_more_rows_are_the_same_rows_and_more():
    few, more = (drawn(models(), n)["base"] for n in (3, 5))
    assert len(few) == 3
    assert set(few) < set(more)
    assert [a.id for a in drawn(models(), 5)["tuned"]] == [a.id for a in more]
    assert drawn(models(), None) == drawn(models(), 99) == models()
    assert few != models()["base"][:3]


def test_cost_counts_tokens_and_money():
    asked = [Request("u", "m", "x" * 400), Request("u", "m", "é" * 200)]
    cost = judging_cost(asked, Prices(10, 20))
    assert (cost.requests, cost.prompt_tokens, cost.most_completion_tokens) == (2, 200, 512)
    assert cost.most_money == pytest.approx((200 * 10 + 512 * 20) / 1e6)
    free = judging_cost([*asked, Request("u", "m", "x", {"temperature": 0})], Prices(10, 20))
    assert (free.most_completion_tokens, free.most_money) == (None, None)


def test_tokens_that_were_not_counted_are_unknown_and_cost_no_nothing():
    found = {"a": Reply("1", None, None, 10, 3), "b": Reply("1", None, None, 10, None), "c": Refusal("no", False)}
    assert tokens(found, "a") == tokens(found, "ac") == Tokens(10, 3)
    assert tokens(found, "ab") == Tokens(20, None)
    assert tokens(found, "") == Tokens(0, 0)
    assert Prices(2, 8).of(20, None) is Prices(2, 8).of(None, 3) is None
    assert Prices(2, 8).of(10, 3) == pytest.approx(44e-6)


def written(folder: Path, **named: list[Answer]) -> Path:
    """A folder as clues generate leaves it."""
    for name, answers in named.items():
        write_answers(answers, folder / f"{name}.jsonl")
    settings = {"schema_version": 1, "adapters": {n: n for n in named if n != "base"}, "rows": len(named["base"])}
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


def test_models_are_read_from_a_folder_or_files(tmp_path):
    folder = written(tmp_path, **models())
    base, tuned = folder / "base.jsonl", folder / "tuned.jsonl"
    assert read_models(folder) == (models(), None)
    assert read_models(folder, base) == (models(), "base")
    assert read_models(tuned) == ({"tuned": models()["tuned"]}, None)
    found, against = read_models(tuned, base)
    assert (found, list(found), against) == (models(), ["tuned", "base"], "base")


def test_answers_that_cannot_be_compared_are_refused(tmp_path):
    folder = written(tmp_path, **models())
    base = folder / "base.jsonl"
    with pytest.raises(JudgeError, match="not compared with itself"):
        read_models(base, base)
    write_answers(models(7)["tuned"], folder / "short.jsonl")
    with pytest.raises(AnswersError, match="answered by one of two models only"):
        read_models(base, folder / "short.jsonl")
    write_answers([], folder / "none.jsonl")
    with pytest.raises(JudgeError, match="no answers"):
        read_models(folder / "none.jsonl")


def test_two_files_of_one_name_are_two_models(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_answers(models()["base"], tmp_path / name / "base.jsonl")
    found, against = read_models(tmp_path / "one" / "base.jsonl", tmp_path / "two" / "base.jsonl")
    assert list(found) == ["base", str(tmp_path / "two" / "base.jsonl")]
    assert against == list(found)[1]

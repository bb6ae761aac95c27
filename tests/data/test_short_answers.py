"""Short answers: which tasks public rows show, and which task a row is of."""

from __future__ import annotations

import random

import pytest

from clues.data.short_answers import ShortAnswers, form, normal, size

SENTIMENT = "Is this review positive, negative or neutral?"
FREE = "Asthma is treated with inhaled medicines that open the airways and calm the inflammation."


def tasks(pairs):
    return ShortAnswers.of([prompt for prompt, _ in pairs], [answer for _, answer in pairs])


def reviews(labels, count=24, seed=0):
    rng = random.Random(seed)
    return [(f"The film number {i} was {rng.random():.3f}. {SENTIMENT}", labels[i % len(labels)]) for i in range(count)]


@pytest.mark.parametrize(
    ("answer", "shape", "length"),
    [
        ("Negative.", "text", 1),
        ("12.5 %", "number", 2),
        ("$1,452.4", "number", 1),
        ("-3", "number", 1),
        ("45 mg", "number", 2),
        ("1.5 million", "number", 2),
        ("A", "option", 1),
        ("A, C", "option", 2),
        ("(B)", "option", 1),
        ("2019-03-02", "date", 1),
        ("12 March 2021", "date", 3),
        ("x7-q9", "code", 1),
        ('{"a": "x", "b": 3}', "json a b", 2),
        ("{no json", "text", 2),
        ("😀", "text", 1),
        ("积极", "text", 2),
    ],
)
def test_forms(answer, shape, length):
    assert form(answer) == shape
    assert size(answer) == length


def test_labels_are_compared_without_case_and_full_stop():
    assert normal(" Negative. ") == normal("negative") == normal("NEGATIVE!")


@pytest.mark.parametrize(
    "labels",
    [
        ("Yes", "No"),
        ("A", "B", "C", "D"),
        ("A, C", "B", "A"),
        ("😀", "😡"),
        ("积极", "消极"),
        ("1", "2", "unknown"),
        ("J45.2", "E11", "I10"),
        ('{"mood": "good", "sure": true}', '{"mood": "bad", "sure": true}'),
        ("The sentiment of this review is negative.", "The sentiment of this review is positive."),
    ],
)
def test_a_set_of_labels_is_one_closed_task(labels):
    found = tasks(reviews(labels))
    (task,) = found.tasks
    assert task.closed
    assert set(task.answers) == set(labels)
    assert all(found.task_of(prompt, (answer,)) == 0 for prompt, answer in reviews(labels, seed=1))
    assert task.others(labels[0].upper(), 9) == tuple(a for a in task.answers if normal(a) != normal(labels[0]))


def test_one_class_of_95_percent_is_still_a_task():
    found = tasks(reviews(["Yes"] * 19 + ["No"], count=40))
    assert [task.answers for task in found.tasks] == [("Yes", "No")]


def test_one_label_alone_is_none():
    assert tasks(reviews(["Yes"])).tasks == ()


def test_numbers_are_an_open_task_of_their_form():
    pairs = [(f"How many units were sold in year {i}?", f"{i * 37 % 911}") for i in range(24)]
    found = tasks(pairs)
    assert {task.form for task in found.tasks} == {"number"}
    assert found.task_of("How many units were sold in year 99?", ("512",)) is not None
    assert found.task_of("How many units were sold in year 99?", (FREE,)) is None


def test_free_text_shows_no_task_and_beside_it_a_label_task_is_found():
    free = [(f"How is disease {i} treated?", f"{FREE} Number {i}.") for i in range(24)]
    assert tasks(free).tasks == ()
    found = tasks([*free, *reviews(("Yes", "No"))])
    assert [task.answers for task in found.tasks] == [("No", "Yes")]
    assert found.task_of(*_row(free[0])) is None
    assert found.task_of(*_row(reviews(("Yes", "No"))[0])) == 0


def test_two_tasks_are_told_apart_by_their_prompts():
    other = [(f"Name the organ in sentence {i} of the report.", ("Heart", "Lung")[i % 2]) for i in range(24)]
    found = tasks([*reviews(("Good", "Bad")), *other])
    assert {task.answers for task in found.tasks} == {("Bad", "Good"), ("Heart", "Lung")}
    first, second = (found.task_of(*_row(pairs[0])) for pairs in (reviews(("Good", "Bad")), other))
    assert first != second


def test_a_label_nobody_knows_is_of_the_task_that_its_prompt_is_of():
    found = tasks(reviews(("Good", "Bad")))
    assert found.task_of(reviews(("Good", "Bad"))[0][0], ("Terible",)) == 0
    assert found.task_of(reviews(("Good", "Bad"))[0][0], (FREE,)) is None
    assert found.task_of("Anything else?", ("Terible",)) is None
    assert found.task_of("Anything else?", ("good.",)) == 0


def test_three_hundred_labels():
    labels = [f"Topic {i}" for i in range(300)]
    found = tasks(reviews(labels, count=96))
    assert len(found.tasks) == 1
    assert found.task_of(reviews(labels)[0][0], ("Topic 299",)) == 0


def test_a_conversation_is_of_no_task():
    assert tasks(reviews(("Yes", "No"))).task_of(SENTIMENT, ("Yes", "No")) is None


def test_the_order_of_the_rows_does_not_matter():
    pairs = [*reviews(("Yes", "No")), *[(f"How many in year {i}?", str(i)) for i in range(12)]]
    assert tasks(pairs).tasks == tasks(random.Random(1).sample(pairs, len(pairs))).tasks


def _row(pair):
    return pair[0], (pair[1],)

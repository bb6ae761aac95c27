from __future__ import annotations

from importlib.resources import files

import pytest

from clues.data.damage.spoil import HARMLESS, KINDS, LABELS, SUBTLE
from clues.folders.explanations import EXPLAINED
from clues.report import words
from clues.report.drawing import COLOURS
from clues.scoring.criteria import OURS, OWNER


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.0441, 3, "−0.044"), (-0.0001, 2, "0.00"), (1234.5, 1, "1,234.5"), (0.97234, 3, "0.972")],
)
def test_fixed(value, digits, text):
    assert words.fixed(value, digits) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.31, "0.3 s"), (44.1, "44 s"), (148.2, "2 min 28 s"), (59.7, "1 min 0 s"), (11_100, "3 h 5 min")],
)
def test_duration(seconds, text):
    assert words.duration(seconds).replace(words.SPACE, " ") == text


@pytest.mark.parametrize(
    ("n", "text"), [(12, "12 bytes"), (1_843_200, "1.8 MB"), (86_600, "86.6 kB"), (2.5e12, "2,500.0 GB")]
)
def test_data_size(n, text):
    assert words.data_size(n).replace(words.SPACE, " ") == text


def test_faults_start_with_the_most_frequent_and_agree_in_number():
    assert words.faults({"fluency": 1, "relevance": 6, "completeness": 3, "novelty": 2}) == (
        "6 do not answer the question, 3 stop too early, 2 repeat themselves and 1 reads badly"
    )
    assert words.faults({"novelty": 1}) == "1 repeats itself"
    assert words.faults({"fluency": 0}) == ""


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (-1.2, "3.3 times likelier spoiled than good"),
        (2.99, "20 times likelier good than spoiled"),
        (-999.0, "over 1,000 times likelier spoiled than good"),
        (-0.01, "as likely good as spoiled"),
    ],
)
def test_odds(evidence, text):
    assert words.odds(evidence) == text


def test_a_criterion_of_a_user_speaks_by_its_name():
    assert words.criterion("politeness").one == "is below the anchors in politeness"
    assert words.faults({"perplexity": 2}) == "2 are below the anchors in perplexity"


def test_every_criterion_and_every_kind_has_its_words_and_its_colour():
    names = [criterion.name for criterion in OURS]
    assert list(words.CRITERIA) == [*names, OWNER]
    assert set(words.KINDS) == {*KINDS, *LABELS, *SUBTLE, *HARMLESS}
    assert tuple(words.SHADINGS) == EXPLAINED
    css = files("clues.report").joinpath("assets/page.css").read_text()
    for name in names:
        assert css.count(f"--{name}: ") == 3, f"light, dark, print: {name}"
        assert f".fill-{name} {{ fill: var(--{name}); }}" in css
        assert f"--{name}: {COLOURS[name]};" in css
    assert len({COLOURS[name] for name in names}) == len(names)

"""Which model is better: page and terminal say the same of the same comparison, and no more than is clear."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter

import numpy as np
import pytest

from clues.cli.text.compared import Compared, compared_text
from clues.report.comparing import finding, gap_sentence, headline
from clues.report.coordinator import write_coordinator_report
from clues.statistics.paired import LEVEL, Comparison
from tests.helpers.fake_run import write_run
from tests.helpers.known import known

UNKNOWN = "one document or question says nothing about the spread"
PAIR = Comparison("clues", "mixed", "federated", -0.03, -0.05, -0.01, 0.01, 0.02, 32, 32)
ROW = re.compile(r'<tr><th scope="row">(\w+) − base .*?</th>.*?<td>([^<]*)</td></tr>')


def changed(**values) -> Comparison:
    return dataclasses.replace(PAIR, **values)


def random_comparisons(n: int, seed: int = 0) -> list[Comparison]:
    """Intervals on either side of zero and over it, tests that agree and that do not, and some without either."""
    rng, found = np.random.default_rng(seed), []
    for i in range(n):
        difference, half = rng.normal(0, 0.03), abs(rng.normal(0, 0.03))
        p = float(rng.choice([0.001, LEVEL, 0.0501, 0.4]))
        numbers = (None, None, None, None)
        if rng.random() < 0.9:
            numbers = (difference - half, difference + half, rng.uniform(0, 0.1), p)
        found.append(Comparison(f"arm{i}", "base", "federated", difference, *numbers, 32, 16))
    return found


def test_page_and_terminal_say_the_same_of_the_same_comparison(tmp_path):
    tried = random_comparisons(300)
    folder = write_run(tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["comparisons"] = [dataclasses.asdict(c) for c in tried]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    shown = dict(ROW.findall(write_coordinator_report(folder).read_text()))
    (text,) = compared_text([Compared("test_nll", c) for c in tried])
    said = {line.split()[0]: line for line in text.split("\n")[1:]}
    words = Counter()
    for c in tried:
        on_page = shown[c.a].removeprefix(f"{c.a} is ")
        assert on_page == finding(c)
        assert said[c.a].endswith(f"  {on_page}")
        words[on_page] += 1
    assert set(words) == {"better", "worse", "no clear difference", UNKNOWN}
    measured = [c for c in tried if c.low is not None]
    disagree = [c for c in measured if (known(c.low) > 0 or known(c.high) < 0) != (known(c.p_sign_flip) <= LEVEL)]
    assert len(disagree) > 50


def test_nothing_is_better_unless_interval_and_test_agree():
    assert finding(PAIR) == finding(changed(p_sign_flip=0.05)) == "better"
    assert finding(changed(low=0.01, high=0.05)) == "worse"
    assert finding(changed(high=0.001)) == finding(changed(high=0.0)) == "no clear difference"
    assert finding(changed(p_sign_flip=0.06)) == "no clear difference"  # the interval alone is too narrow
    assert finding(changed(low=None, high=None, p_bootstrap=None, p_sign_flip=None)) == UNKNOWN
    assert PAIR.finding(lower_is_better=False) == "worse"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "better than trained on all rows"),
        ({"low": 0.01, "high": 0.05}, "worse than trained on all rows"),
        ({"p_sign_flip": 0.3}, "no clear difference"),
        ({"low": None, "high": None}, "not known"),
    ],
)
def test_the_headline_says_no_more_than_the_table(values, said):
    merged = dataclasses.replace(changed(**values), how="merged")
    ((sentence, _),) = headline([changed(**values), merged, dataclasses.replace(PAIR, b="oracle")])
    assert said in sentence
    assert sentence.endswith("federated and merged.")


def test_nothing_compared_has_no_headline_and_no_gap_is_said():
    assert headline([]) == []
    assert "no gap to close" in gap_sentence("merged", None)

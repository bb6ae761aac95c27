"""Two models on the same rows, against values worked out by hand, and on many draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clues.evaluation.likelihood import perplexity
from clues.statistics.paired import bootstrap_p, comparison, sign_flip_p
from tests.helpers.known import known


def test_the_sign_flip_test_is_exact_with_few_documents():
    # 8 patterns of signs; the sums 6 and −6 are as far from zero as what was seen
    assert sign_flip_p([1.0, 2.0, 3.0], ["a", "b", "c"]) == pytest.approx(2 / 8)
    # |2 − 1 + 4| = 5: sums of 1, 2 and 4 that are as far out are ±7 and ±5
    assert sign_flip_p([2.0, -1.0, 4.0], ["a", "b", "c"]) == pytest.approx(4 / 8)
    assert sign_flip_p([0.0, 0.0], ["a", "b"]) == 1.0


def test_the_rows_of_a_document_are_flipped_together():
    # documents add up to 2 and 2: 4 patterns, of which 4 and −4 are as far out; rows alone would have 2 of 8
    assert sign_flip_p([1.0, 1.0, 2.0], ["a", "a", "b"]) == pytest.approx(2 / 4)


def test_documents_without_a_difference_have_no_sign():
    many = [str(i) for i in range(40)]
    assert sign_flip_p([1.0, 2.0, 3.0] + [0.0] * 37, many) == pytest.approx(2 / 8)  # not drawn: exact
    assert sign_flip_p([1.0] + [0.0] * 39, many) == 1.0


def test_with_many_documents_signs_are_drawn_and_the_seed_decides():
    values, documents = np.linspace(-1, 1.3, 30), [str(i) for i in range(30)]
    found = sign_flip_p(values, documents, seed=3)
    assert found == sign_flip_p(values, documents, seed=3)
    # about the normal approximation: sum / sqrt(sum of squares)
    z = values.sum() / math.sqrt((values**2).sum())
    assert found == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.02)


def test_where_there_is_no_difference_it_seldom_finds_one():
    generator = np.random.default_rng(0)
    documents = [str(i // 2) for i in range(16)]
    found = np.array([sign_flip_p(generator.normal(size=16), documents) for _ in range(300)])
    assert 0.02 < (found <= 0.05).mean() < 0.08
    assert 0.4 < found.mean() < 0.6


def test_the_bootstraps_p_counts_the_rarer_side_of_zero():
    assert bootstrap_p(np.array([-1.0, 1.0, 2.0, 3.0])) == pytest.approx(2 * 2 / 5)
    assert bootstrap_p(np.array([1.0, 1.0, 2.0, 3.0])) == pytest.approx(2 / 5)
    assert bootstrap_p(np.zeros(9)) == 1.0


def test_interval_and_tests_agree_and_are_of_documents():
    generator = np.random.default_rng(1)
    base = generator.normal(50, 20, 80)
    better = base + 2 + generator.normal(0, 3, 80)
    entry = comparison(("a", "b"), "adapter", (better, base), [str(i // 2) for i in range(80)])
    assert known(entry.low) > 0
    assert known(entry.p_bootstrap) < 0.01
    assert known(entry.p_sign_flip) < 0.01
    one = comparison(("a", "b"), "adapter", (better, base), ["same"] * 80)
    assert (one.low, one.high, one.p_bootstrap, one.p_sign_flip) == (None, None, None, None)


def test_perplexity_is_the_exponential_of_the_mean_over_tokens():
    # 3 tokens of ln 2 and one of ln 8: (3 ln 2 + 3 ln 2) / 4 = 1.5 ln 2; the mean over rows would give 2 ln 2
    entry = perplexity([math.log(2), math.log(8)], [3, 1], ["a", "b"])
    assert entry.value == pytest.approx(2**1.5)
    assert entry.low == pytest.approx(2)
    assert entry.high == pytest.approx(8)
    assert perplexity([1.0], [3], ["a"]).low is None

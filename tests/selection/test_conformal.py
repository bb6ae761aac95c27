"""Full conformal p-values: by hand, by a slow loop, and their promise on many draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.kernels.conformal import full_conformal

CRITERIA = [[0], [1, 2]]


def slow(row: np.ndarray, anchors: np.ndarray) -> tuple[float, float]:
    """p and statistic of one row, written the long way."""
    everyone = [*anchors.tolist(), row.tolist()]
    columns = list(zip(*everyone, strict=True))
    standard = []
    for member in everyone:
        z = []
        for value, column in zip(member, columns, strict=True):
            mean = sum(column) / len(column)
            spread = (sum((x - mean) ** 2 for x in column) / len(column)) ** 0.5
            z.append((value - mean) / spread if spread > 0 else 0.0)
        standard.append(min(sum(z[c] for c in group) / len(group) for group in CRITERIA))
    mine = standard[-1]
    return sum(s <= mine + 1e-12 * abs(mine) for s in standard) / len(standard), mine


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 8))
def test_equals_the_slow_way(seed, n, rows):
    rng = np.random.default_rng(seed)
    table, anchors = rng.normal(size=(rows, 3)), rng.normal(size=(n, 3)) * [1, 5, 0.1]
    found = full_conformal(table, anchors, CRITERIA)
    for i in range(rows):
        p, statistic = slow(table[i], anchors)
        assert found.p[i] == pytest.approx(p)
        assert found.statistic[i] == pytest.approx(statistic)


def test_three_anchors_by_hand():
    anchors = np.array([[1.0], [2.0], [3.0]])
    found = full_conformal(np.array([[0.0], [2.5], [9.0]]), anchors, [[0]])
    assert found.p.tolist() == [0.25, 0.75, 1.0]  # the row itself counts: 1/4 is the least there can be


def test_ties_count_as_not_higher():
    assert full_conformal(np.array([[1.0]]), np.array([[1.0], [1.0], [2.0]]), [[0]]).p.tolist() == [0.75]


def test_a_channel_that_says_nothing_changes_nothing():
    rng = np.random.default_rng(0)
    rows, anchors = rng.normal(size=(5, 1)), rng.normal(size=(9, 1))
    with_constant = [np.hstack([x, np.ones((len(x), 1))]) for x in (rows, anchors)]
    plain = full_conformal(rows, anchors, [[0]])
    assert np.allclose(full_conformal(*with_constant, [[0], [0, 1]]).p_criterion[:, 0], plain.p_criterion[:, 0])


def test_a_scale_changes_nothing():
    rng = np.random.default_rng(1)
    rows, anchors, scale = rng.normal(size=(20, 3)), rng.normal(size=(15, 3)), np.array([10.0, 0.01, 3.0])
    moved = full_conformal(rows * scale + 7, anchors * scale + 7, CRITERIA)
    assert np.allclose(moved.p, full_conformal(rows, anchors, CRITERIA).p)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("n", [10, 64])
def test_an_exchangeable_row_is_dropped_with_probability_at_most_alpha(alpha, n):
    """Over 4,000 draws of anchors and a row from one skewed, correlated distribution."""
    rng = np.random.default_rng(n)
    draws = 4000
    below = 0
    for _ in range(draws):
        x = rng.standard_exponential((n + 1, 3))
        x[:, 2] += x[:, 1]
        below += full_conformal(x[:1], x[1:], CRITERIA).p[0] <= alpha
    spread = (alpha * (1 - alpha) / draws) ** 0.5
    assert below / draws <= alpha + 3 * spread
    assert below / draws >= alpha - 1 / (n + 1) - 3 * spread  # and not for being powerless

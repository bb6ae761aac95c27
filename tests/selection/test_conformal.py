"""Full conformal p-values: by a slow loop, and their promise on many draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.kernels.conformal import SHRINKAGE, full_conformal, likelihood_ratio, rank_conformal

CRITERIA = [[0], [1, 2]]


def spoiled(seed: int, m: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 1])
    return [rng.normal(size=(m, 3)) - 1.5 for _ in CRITERIA]


def slow(row: np.ndarray, anchors: np.ndarray, bad: list[np.ndarray]) -> tuple[float, float]:
    """p and statistic of one row, written the long way: densities of two normal distributions."""
    everyone = np.vstack([anchors, row])
    ratios = []
    for group, worse in zip(CRITERIA, bad, strict=True):
        x, y = everyone[:, group], worse[:, group]
        mean, other = x.mean(0), y.mean(0)
        scatter = sum(np.outer(v - mean, v - mean) for v in x) + sum(np.outer(v - other, v - other) for v in y)
        covariance = scatter / (len(x) + len(y))
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
        inverse = np.linalg.inv(covariance)
        ratios.append([-((v - mean) @ inverse @ (v - mean)) / 2 + (v - other) @ inverse @ (v - other) / 2 for v in x])
    worst = np.min(ratios, axis=0)
    return float((worst <= worst[-1] + 1e-9).mean()), float(worst[-1])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 30), st.integers(1, 8))
def test_equals_the_slow_way(seed, n, rows):
    rng = np.random.default_rng(seed)
    table, anchors = rng.normal(size=(rows, 3)), rng.normal(size=(n, 3))
    found = full_conformal(table, anchors, spoiled(seed), CRITERIA)
    for i in range(rows):
        p, statistic = slow(table[i], anchors, spoiled(seed))
        assert found.p[i] == pytest.approx(p)
        assert found.statistic[i] == pytest.approx(statistic)
        assert found.evidence[i].min() == found.statistic[i]


def test_one_channel_by_hand():
    """Good at 0 and 2, spoiled at -2 and -4: variance 1 within both, means 1 and -3, so evidence 4 (x + 1)."""
    good, bad = np.array([[[0.0], [2.0]]]), np.array([[-2.0], [-4.0]])
    assert likelihood_ratio(good, bad)[0].tolist() == pytest.approx([4.0, 12.0])


def test_a_worse_row_has_a_smaller_p_down_to_its_least_value():
    anchors = np.arange(9.0)[:, None]
    rows = np.array([[-5.0], [3.5], [99.0]])
    found = full_conformal(rows, anchors, [np.array([[-4.0], [-6.0], [-5.0]])], [[0]])
    assert found.p.tolist() == [0.1, 0.5, 1.0]  # the row itself counts: 1/10 is the least there can be


def test_ties_count_as_not_higher():
    found = full_conformal(np.array([[1.0]]), np.array([[1.0], [1.0], [2.0]]), [np.array([[-1.0], [-2.0]])], [[0]])
    assert found.p.tolist() == [0.75]


def test_a_channel_that_says_nothing_changes_nothing():
    rng = np.random.default_rng(0)
    rows, anchors = rng.normal(size=(5, 1)), rng.normal(size=(9, 1))
    bad = spoiled(0)[0][:, :1]
    wide = [np.hstack([x, np.ones((len(x), 1))]) for x in (rows, anchors, bad)]
    plain = full_conformal(rows, anchors, [bad], [[0]])
    assert np.allclose(full_conformal(wide[0], wide[1], [wide[2]], [[0, 1]]).evidence, plain.evidence)


def test_a_scale_changes_nothing():
    rng = np.random.default_rng(1)
    rows, anchors, scale = rng.normal(size=(20, 3)), rng.normal(size=(15, 3)), np.array([10.0, 0.01, 3.0])
    moved = full_conformal(rows * scale + 7, anchors * scale + 7, [b * scale + 7 for b in spoiled(1)], CRITERIA)
    assert np.allclose(moved.p, full_conformal(rows, anchors, spoiled(1), CRITERIA).p)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("n", [10, 64])
def test_an_exchangeable_row_is_dropped_with_probability_at_most_alpha(alpha, n):
    """Over 3,000 draws of anchors and a row from one skewed, correlated distribution."""
    rng = np.random.default_rng(n)
    draws, bad = 3000, spoiled(n)
    below = 0
    for _ in range(draws):
        x = rng.standard_exponential((n + 1, 3))
        x[:, 2] += x[:, 1]
        below += full_conformal(x[:1], x[1:], bad, CRITERIA).p[0] <= alpha
    spread = (alpha * (1 - alpha) / draws) ** 0.5
    assert below / draws <= alpha + 3 * spread
    assert below / draws >= alpha - 1 / (n + 1) - 3 * spread  # and not for being powerless


def test_ranks_alone_by_hand():
    found = rank_conformal(np.array([-9.0, 2.0, 9.0]), np.array([1.0, 2.0, 2.0, 3.0]))
    assert found.p.tolist() == [0.2, 0.8, 1.0]  # ties count as not higher
    assert found.p_criterion[:, 0].tolist() == found.p.tolist()
    assert found.statistic == pytest.approx((np.array([-9.0, 2.0, 9.0]) - 2) / 0.5**0.5)
    assert rank_conformal(np.array([3.0, 5.0]), np.array([4.0, 4.0])).statistic.tolist() == [-1.0, 1.0]
    assert rank_conformal(np.empty(0), np.ones(3)).p.shape == (0,)


@pytest.mark.parametrize(("alpha", "n"), [(0.1, 64), (0.3, 10)])
def test_an_exchangeable_row_is_dropped_by_rank_as_often_as_promised(alpha, n):
    rng = np.random.default_rng(n)
    draws = 3000
    below = sum(rank_conformal(x[:1], x[1:]).p[0] <= alpha for x in rng.standard_cauchy((draws, n + 1)))
    spread = (alpha * (1 - alpha) / draws) ** 0.5
    assert alpha - 1 / (n + 1) - 3 * spread <= below / draws <= alpha + 3 * spread

"""Split conformal p-values: by hand, by a slow loop, and their promise on many draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clues.kernels.conformal import SHRINKAGE, Calibration, Discriminant, conformal, in_deviations

NAN = np.nan


def classes(seed: int, good: int = 12, spoiled: int = 12, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Public rows, good and spoiled; the channels of a class are correlated and of different sizes."""
    rng = np.random.default_rng([seed, 1])
    mixed = rng.normal(size=(channels, channels)) * np.exp(rng.normal(size=channels))
    return rng.normal(size=(good, channels)) @ mixed, rng.normal(size=(spoiled, channels)) @ mixed - 1.5


def slow_evidence(x: np.ndarray, good: np.ndarray, spoiled: np.ndarray) -> float:
    """log p(x | good) − log p(x | spoiled) of one row, written the long way: densities of two normal distributions."""
    mean, other = good.mean(0), spoiled.mean(0)
    scatter = sum(np.outer(v - mean, v - mean) for v in good) + sum(np.outer(v - other, v - other) for v in spoiled)
    covariance = scatter / (len(good) + len(spoiled))
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
    inverse = np.linalg.inv(covariance)
    return float(-((x - mean) @ inverse @ (x - mean)) / 2 + (x - other) @ inverse @ (x - other) / 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(2, 30), st.integers(1, 4))
def test_evidence_equals_the_slow_way(seed, good, spoiled, channels):
    public = classes(seed, good, spoiled, channels)
    rows = np.random.default_rng(seed).normal(size=(5, channels))
    expected = [slow_evidence(row, *public) for row in rows]
    assert Discriminant.fit(*public).evidence(rows) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_evidence_of_one_channel_by_hand():
    """Good at 0 and 2, spoiled at -2 and -4: variance 1 within both, means 1 and -3, so evidence 4 (x + 1)."""
    found = Discriminant.fit(np.array([[0.0], [2.0]]), np.array([[-2.0], [-4.0]]))
    assert found.evidence(np.array([[0.0], [2.0], [-1.0]])).tolist() == pytest.approx([4.0, 12.0, 0.0])
    assert np.isnan(found.evidence(np.array([[NAN]]))).all()


def test_correlations_count_by_hand():
    """Two channels that rise and fall together in both classes: their difference tells more than each alone."""
    good = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, -2.0]])
    found = Discriminant.fit(good, good + np.array([1.0, 0.0]))
    # Variances 2.5, covariance 2.5 (1 - SHRINKAGE) = 2: the inverse times (-1, 0) is (-2.5, 2) / (2.5² - 2²).
    assert found.weights.tolist() == pytest.approx([-2.5 / 2.25, 2 / 2.25])
    assert found.evidence(np.array([[0.5, 0.0], [0.5, 1.0]])).tolist() == pytest.approx([0.0, 2 / 2.25])


@pytest.mark.parametrize("value", [1.0, 0.3, 0.1, 123.456])  # most of them are no binary fractions
def test_a_channel_in_which_all_public_rows_are_equal_changes_nothing(value):
    """Also where the classes are of different sizes, whose means are rounded differently."""
    good, spoiled = classes(0, 12, 11, 1)
    rows = np.random.default_rng(0).normal(size=(5, 1))
    wide = [np.hstack([x, np.full((len(x), 1), value)]) for x in (good, spoiled)]
    moved = np.hstack([rows, np.arange(5.0)[:, None]])
    assert np.allclose(Discriminant.fit(*wide).evidence(moved), Discriminant.fit(good, spoiled).evidence(rows))


@pytest.mark.parametrize("scale", [[10.0, 0.01, 3.0], [1e-7, 1e6, -2.0]])
def test_scales_and_origins_of_channels_change_nothing(scale):
    public, rows = classes(1), np.random.default_rng(1).normal(size=(20, 3))
    moved = [part * scale + np.array(scale) * 7 for part in (*public, rows)]
    expected = Discriminant.fit(*public).evidence(rows)
    assert Discriminant.fit(*moved[:2]).evidence(moved[2]) == pytest.approx(expected, rel=1e-6)
    assert np.ptp(expected) > 1


def slow(row: np.ndarray, anchors: np.ndarray) -> tuple[list[float], float, float]:
    """p by criterion, statistic and p of one row, written the long way: count the anchors that are not better."""
    judged = [j for j in range(len(row)) if not np.isnan(row[j])]
    n = len(anchors)
    by_criterion = [
        (1 + sum(a[j] <= row[j] for a in anchors)) / (n + 1) if j in judged else NAN for j in range(len(row))
    ]
    statistic = min(row[j] for j in judged)
    return by_criterion, statistic, (1 + sum(min(a[j] for j in judged) <= statistic for a in anchors)) / (n + 1)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 9), st.integers(1, 4), st.sampled_from([0, 0.3, 0.6]))
def test_p_equals_the_slow_way_with_missing_values_and_ties(seed, n, rows, criteria, missing):
    rng = np.random.default_rng(seed)
    evidence, anchors = rng.integers(-3, 4, (rows, criteria)) / 4, rng.integers(-3, 4, (n, criteria)) / 4
    evidence[rng.random(evidence.shape) < missing] = NAN
    assume(np.isfinite(evidence).any(axis=1).all())
    found = conformal(evidence, anchors)
    for i, row in enumerate(evidence):
        by_criterion, statistic, p = slow(row, anchors)
        assert found.p_criterion[i].tolist() == pytest.approx(by_criterion, nan_ok=True)
        assert (found.statistic[i], found.p[i]) == pytest.approx((statistic, p))
    np.testing.assert_array_equal(found.evidence, evidence)


def test_p_by_hand():
    """One failure is enough: the third row is the best in one criterion, and its worst one decides."""
    anchors = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 2.0], [5.0, 1.5]])  # worst: 1, 2, 2, 1.5
    found = conformal(np.array([[0.0, 9.0], [3.0, 3.5], [9.0, 1.7]]), anchors)
    assert found.statistic.tolist() == [0.0, 3.0, 1.7]
    assert found.p.tolist() == [0.2, 1.0, 0.6]  # the row itself counts: 1/5 is the least there can be
    assert found.p_criterion.tolist() == [[0.2, 1.0], [0.6, 0.8], [1.0, 0.4]]


def test_a_row_without_a_verdict_is_held_against_the_anchors_over_what_it_has():
    """Over both criteria its 2.5 would be better than all anchors; over the first one they are at 1, 2, 4 and 5."""
    anchors = np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 0.0], [5.0, 0.0]])
    found = conformal(np.array([[2.5, NAN], [2.5, 2.5], [NAN, 2.5]]), anchors)
    assert found.p.tolist() == [0.6, 1.0, 1.0]
    assert np.isnan(found.p_criterion).tolist() == [[False, True], [False, False], [True, False]]
    assert found.statistic.tolist() == [2.5, 2.5, 2.5]


def test_ties_count_as_not_higher_even_after_rounding():
    found = conformal(np.array([[1.0], [0.1 + 0.2]]), np.array([[1.0], [1.0], [2.0]]))
    assert found.p.tolist() == [0.75, 0.25]
    assert conformal(np.array([[0.3], [-0.3]]), np.array([[0.1 + 0.2], [-0.3]])).p.tolist() == [1.0, 2 / 3]
    assert conformal(np.array([[-(0.1 + 0.2)]]), np.array([[-0.3], [5.0]])).p.tolist() == [2 / 3]


def test_no_rows_have_no_verdicts():
    found = conformal(np.empty((0, 2)), np.zeros((3, 2)))
    assert (found.p.shape, found.p_criterion.shape) == ((0,), (0, 2))


def test_scores_in_deviations_by_hand():
    rows, anchors = in_deviations(np.array([-9.0, 2.0, 9.0]), np.array([1.0, 2.0, 2.0, 3.0]))
    assert rows == pytest.approx((np.array([-9.0, 2.0, 9.0]) - 2) / 0.5**0.5)
    assert anchors == pytest.approx(np.array([-1, 0, 0, 1]) / 0.5**0.5)
    assert conformal(rows[:, None], anchors[:, None]).p.tolist() == [0.2, 0.8, 1.0]
    same = in_deviations(np.array([3.0, 0.3, 5.0]), np.full(7, 0.3))  # anchors that are all equal
    assert conformal(same[0][:, None], same[1][:, None]).p.tolist() == [1.0, 1.0, 1.0]
    lower, _ = in_deviations(np.array([3.0, 5.0]), np.array([4.0, 4.0]))
    assert lower.tolist() == [-1.0, 1.0]


def drawn(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Rows [rows, 3] of one skewed, correlated distribution."""
    x = rng.standard_exponential((rows, 3))
    x[:, 2] += x[:, 1]
    return x


def judged(rows: np.ndarray, anchors: np.ndarray, public: tuple[np.ndarray, np.ndarray]) -> Calibration:
    """By two criteria: the first channel, and the others together; public rows are spoiled for both."""

    def evidence(x: np.ndarray) -> np.ndarray:
        parts = [(public[0][:, c], public[1][:, c], x[:, c]) for c in ([0], [1, 2])]
        return np.stack([Discriminant.fit(good, bad).evidence(own) for good, bad, own in parts], axis=1)

    return conformal(evidence(rows), evidence(anchors))


@pytest.mark.parametrize("n", [10, 64])
def test_an_exchangeable_row_is_dropped_with_probability_at_most_alpha(n):
    """Over 1,500 draws of anchors, a row and the public rows that evidence is fitted on: the row and the anchors come
    from one distribution, the good public rows from another one, for they need not be alike."""
    rng, draws = np.random.default_rng(n), 1500
    found = []
    for _ in range(draws):
        good = drawn(rng, 8) + rng.normal(size=3)
        x, public = drawn(rng, n + 2), (good, good - 3)
        x[1] -= 4  # this one is bad
        found.append(judged(x[:2], x[2:], public).p)
    for alpha in (0.05, 0.1, 0.3):
        below, below_bad = (np.array(found) <= alpha).mean(axis=0)
        assert_share(below, alpha, n, draws)
        assert (below_bad > 0.9) == (alpha >= 1 / (n + 1))  # a p-value cannot be less


@pytest.mark.parametrize(("alpha", "n"), [(0.1, 64), (0.3, 10)])
def test_an_exchangeable_row_is_dropped_by_score_as_often_as_promised(alpha, n):
    rng, below = np.random.default_rng(n), 0
    for x in rng.standard_cauchy((1500, n + 1)):
        rows, anchors = in_deviations(x[:1], x[1:])
        below += conformal(rows[:, None], anchors[:, None]).p[0] <= alpha
    assert_share(below / 1500, alpha, n, 1500)


def assert_share(found: float, alpha: float, n: int, draws: int) -> None:
    """At most alpha, within three standard errors; and at least as much as n anchors allow: not for being powerless."""
    spread = (alpha * (1 - alpha) / draws) ** 0.5
    assert found <= alpha + 3 * spread
    assert found >= alpha - 1 / (n + 1) - 3 * spread


def test_rows_are_held_against_anchors_of_their_own_kind_where_there_are_enough():
    rng = np.random.default_rng(5)
    anchors = np.concatenate([rng.normal(0, 1, (40, 1)), rng.normal(10, 1, (40, 1))])
    of_anchors, rows = np.repeat([0, 1], 40), np.array([[0.0], [0.0], [10.0]])
    found = conformal(rows, anchors, (np.array([0, 1, 1]), of_anchors))
    assert found.like.tolist() == [40, 40, 40]
    assert found.p[1] == 1 / 41  # worse than all of its kind
    assert 0.2 < found.p[0] < 0.8
    few = conformal(rows, anchors[:60], (np.array([0, 1, 1]), of_anchors[:60]))
    assert few.like.tolist() == [40, 60, 60]  # 20 of its kind are too few: all that are judged alike


def test_p_is_valid_within_each_kind():
    """Kinds differ in their evidence; each loses a tenth of its good rows at most, rare ones too."""
    rng, dropped = np.random.default_rng(6), np.zeros(2)
    for _ in range(400):
        kinds = rng.permutation(np.repeat([0, 1], [60, 90]))
        values = rng.normal(5.0 * kinds, 1 + kinds)[:, None]
        rows, anchors = slice(0, 50), slice(50, 150)
        p = conformal(values[rows], values[anchors], (kinds[rows], kinds[anchors])).p
        dropped += [np.mean(p[kinds[rows] == kind] <= 0.1) for kind in (0, 1)]
    assert (dropped / 400 <= 0.11).all()
    assert (dropped / 400 >= 0.06).all()


def test_a_row_is_judged_by_what_judges_it_with_anchors_judged_likewise():
    anchors = np.full((80, 2), np.nan)
    anchors[:40, 0] = np.arange(40)
    anchors[40:, 1] = 100 + np.arange(40)
    found = conformal(np.array([[20.5, np.nan], [np.nan, 20.5], [np.nan, np.nan], [5.0, 200.0]]), anchors)
    assert found.like.tolist() == [40, 40, 0, 0]
    assert found.p.tolist() == [22 / 41, 1 / 41, 1.0, 1.0]  # no anchor is judged by both
    assert np.isnan(found.p_criterion[2]).all()

"""Bounds from a sample without replacement: exact coverage by enumeration, and the draw itself."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product
from math import comb

import pytest

from clues.statistics.sampling import draw, interval, most

SMALL = [(total, sampled) for total in (1, 2, 5, 9, 14, 20) for sampled in range(total + 1)]


def chances(good: int, sampled: int, total: int) -> dict[int, Fraction]:
    """How likely it is to find each number of good rows in the sample."""
    ways = comb(total, sampled)
    possible = range(max(0, sampled - (total - good)), min(good, sampled) + 1)
    return {k: Fraction(comb(good, k) * comb(total - good, sampled - k), ways) for k in possible}


@pytest.mark.parametrize(("total", "sampled"), SMALL)
def test_bounds_cover_the_truth_with_at_least_the_promised_chance(total, sampled):
    for good in range(total + 1):
        found = chances(good, sampled, total)
        assert sum(found.values()) == 1
        assert sum(p for k, p in found.items() if most(k, sampled, total) >= good) >= Fraction(95, 100)
        inside = 0
        for k, p in found.items():
            low, high = interval(k, k, sampled, total)
            inside += p * (low <= good <= high)
        assert inside >= Fraction(95, 100)


@pytest.mark.parametrize(("total", "sampled"), [(14, 5), (20, 9), (20, 20)])
def test_the_bound_is_the_smallest_that_covers(total, sampled):
    """One less for any finding would be too low for that many good rows: they yield it with more than 5 %."""
    for found in range(sampled + 1):
        bound = most(found, sampled, total)
        assert sum(p for k, p in chances(bound, sampled, total).items() if k <= found) > Fraction(5, 100)


def test_more_rows_and_fewer_good_ones_lower_the_bound():
    for total in (20, 300):
        for sampled in range(20):
            row = [most(k, sampled, total) for k in range(sampled + 1)]
            assert row == sorted(row)
            assert most(0, sampled + 1, total) <= row[0]
            assert all(k <= bound <= total - (sampled - k) for k, bound in enumerate(row))


def test_edges():
    assert most(0, 0, 7) == 7
    assert most(3, 7, 7) == 3  # every row was judged
    assert interval(3, 3, 7, 7) == (3, 3)
    assert interval(0, 7, 7, 7) == (0, 7)  # nothing answered
    assert most(0, 0, 0) == 0
    assert most(0, 30, 10**6) / 10**6 == pytest.approx(1 - 0.05 ** (1 / 30), abs=1e-4)  # 9.5 %, the binomial bound
    low, high = interval(2, 2, 30, 120)
    assert low < 8 < most(2, 30, 120) <= high
    assert interval(2, 4, 30, 120)[0] == low
    assert interval(2, 4, 30, 120)[1] == interval(4, 4, 30, 120)[1]
    for wrong in ((3, 2, 9), (1, 10, 9), (-1, 2, 9)):
        with pytest.raises(ValueError, match="larger than its whole"):
            most(*wrong)


def test_a_draw_is_the_same_for_the_same_rows_and_takes_all_alike():
    names = [f"row-{i}" for i in range(12)]
    assert draw(names, 5, 0) == draw(reversed(names), 5, 0) == draw(names, 12, 0)[:5]
    assert draw(names, 5, 0) != draw(names, 5, 1)
    assert sorted(draw(names, 50, 3)) == sorted(names)
    assert len(set(draw(names, 5, 0))) == 5
    count = Counter(name for seed, _ in product(range(1200), (0,)) for name in draw(names, 3, seed))
    assert all(abs(count[name] - 300) < 75 for name in names)  # five standard deviations

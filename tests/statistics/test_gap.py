"""The share of the gap that is closed: known shares, nothing to close, several seeds."""

import numpy as np
import pytest

from clues.statistics.gap import Gap, Losses, gap_closed
from tests.helpers.known import known


def losses(share: float, gap: float = 0.1, noise: float = 0.02, seed: int = 0, rows: int = 80) -> Losses:
    """Arms in which clues closes `share` of a gap of `gap` nats."""
    generator = np.random.default_rng(seed)
    mixed = generator.normal(2.0, 0.5, rows)
    oracle = mixed - gap + generator.normal(0, noise, rows)
    clues = mixed - share * gap + generator.normal(0, noise, rows)
    return Losses(mixed, clues, oracle, [str(i // 2) for i in range(rows)])


def width(gap: Gap) -> float:
    """Of the interval of the share that is closed."""
    return known(gap.high) - known(gap.low)


@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
def test_known_share_of_one_seed(share):
    one = losses(share)
    gap = gap_closed([one])
    expected = (one.mixed.mean() - one.clues.mean()) / (one.mixed.mean() - one.oracle.mean())
    assert gap.closed == pytest.approx(expected)
    assert gap.closed == pytest.approx(share, abs=0.1)
    assert known(gap.low) < known(gap.closed) < known(gap.high)
    assert gap.oracle_gap_low < gap.oracle_gap < gap.oracle_gap_high


def test_no_share_while_mixed_is_not_significantly_worse():
    gap = gap_closed([losses(0.8, gap=0.002, noise=0.2)])
    assert gap.closed is gap.low is gap.high is None
    assert gap.oracle_gap_low < 0 < gap.oracle_gap_high


def test_no_share_where_the_oracle_is_worse_or_spread_is_unknown():
    assert gap_closed([losses(0.8, gap=-0.1)]).closed is None
    one = losses(0.8)
    assert gap_closed([Losses(one.mixed, one.clues, one.oracle, ["a"] * 80)]).closed is None


def test_seeds_are_joined_by_their_mean_gaps_not_their_mean_ratio():
    wide, narrow = losses(1.0, gap=0.3, noise=0.001), losses(0.0, gap=0.1, noise=0.001, seed=1)
    gap = gap_closed([wide, narrow])
    assert gap.closed == pytest.approx(0.75, abs=0.01)  # 0.3 of 0.4; the mean of the ratios would be 0.5
    assert gap.oracle_gap == pytest.approx(0.2, abs=0.01)


def test_seeds_that_disagree_widen_the_interval():
    agreed = gap_closed([losses(0.8, seed=s) for s in range(3)])
    apart = gap_closed([losses(share, seed=s) for s, share in enumerate((0.5, 0.8, 1.1))])
    assert apart.closed == pytest.approx(agreed.closed, abs=0.05)
    assert width(apart) > 3 * width(agreed)


def test_more_seeds_of_one_kind_narrow_it():
    one, nine = gap_closed([losses(0.8)]), gap_closed([losses(0.8, seed=s) for s in range(9)])
    assert width(nine) < 0.6 * width(one)


def test_same_seed_same_interval():
    arms = [losses(0.8, seed=s) for s in range(2)]
    assert gap_closed(arms, seed=3) == gap_closed(arms, seed=3) != gap_closed(arms, seed=4)


def test_no_seed_is_an_error():
    with pytest.raises(ValueError, match="no seed"):
        gap_closed([])

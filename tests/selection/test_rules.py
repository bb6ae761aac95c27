"""The rules, by hand and by their promises."""

from __future__ import annotations

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.config.names import Rule
from clues.selection.rules import bar_level, drop_by_fdr, keep_rows


def keep(rule: Rule, p=(), statistic=(), anchors=(), **more):
    return keep_rows(SelectionSettings(rule=rule, **more), np.array(p), np.array(statistic), np.array(anchors)).tolist()


def test_conformal_drops_at_alpha():
    assert keep("conformal", [0.05, 0.1, 0.11, 1.0], alpha=0.1) == [False, False, True, True]


def test_anchor_mean_keeps_what_is_not_below():
    assert keep("anchor-mean", statistic=[0.9, 1.0, 2.0], anchors=[0.0, 2.0]) == [False, True, True]


def test_ratio_keeps_the_best():
    assert keep("ratio", statistic=[3.0, 1.0, 2.0, 0.0], ratio=0.5) == [True, False, True, False]


def level(statistic, rule: Rule = "conformal", **more):
    return bar_level(SelectionSettings(rule=rule, **more), np.array(statistic))


def test_the_level_of_the_conformal_bar_is_the_anchor_that_alpha_points_at():
    statistic = [5.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0]  # n + 1 = 10
    assert level(statistic, alpha=0.1) == 1.0
    assert level(statistic, alpha=0.3) == 3.0
    # 0.7 * 10 is a little under 7 in floating point.
    assert level(statistic, alpha=0.7) == 7.0
    assert level(statistic, alpha=0.05) is None


def test_the_level_of_the_other_rules():
    assert level([1.0, 3.0], "anchor-mean") == 2.0
    assert level([1.0, 3.0], "score", score=-1.5) == -1.5
    assert level([1.0, 3.0], "fdr") is None
    assert level([1.0, 3.0], "ratio") is None


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.5, 0.7])
@pytest.mark.parametrize("rule", ["conformal", "anchor-mean", "score"])
def test_the_level_is_where_the_rule_begins_to_keep(rule, alpha):
    """Whatever the rule: rows below the level are dropped and rows above it are kept."""
    rng = np.random.default_rng(0)
    anchors, rows = rng.normal(size=39), rng.normal(size=500)
    p = (1 + (anchors[None] <= rows[:, None]).sum(axis=1)) / 40
    settings = SelectionSettings(rule=rule, alpha=alpha, score=-0.5)
    where = bar_level(settings, anchors)
    assert where is not None
    assert keep_rows(settings, p, rows, anchors).tolist() == (rows > where).tolist()


def test_score_keeps_from_the_bar_up():
    assert keep("score", statistic=[-1.0, -0.5, 0.0], score=-0.5) == [False, True, True]


def test_fdr_by_hand():
    # 10 rows, 6 above 0.2: π₀ = (1 + 6) / 8 = 0.875 is the largest estimate (λ = 0.5 gives 4 / 5 = 0.8), so the
    # thresholds are q / 0.875 · k / 10 = 0.0114 k at q = 0.1.
    p = np.array([0.01, 0.02, 0.03, 0.045, 0.3, 0.4, 0.45, 0.6, 0.7, 0.9])
    assert drop_by_fdr(p, 0.1).tolist() == [True] * 4 + [False] * 6
    p[3] = 0.0458  # 0.05 would do for π₀ = 0.8
    assert drop_by_fdr(p, 0.1).tolist() == [True] * 3 + [False] * 7
    assert drop_by_fdr(np.array([0.3, 0.6]), 0.1).tolist() == [False, False]
    assert drop_by_fdr(np.zeros(0), 0.1).tolist() == []


def test_fdr_is_careful_where_good_rows_have_middling_p():
    """A client from another source: nobody above 0.5, and yet most rows are good."""
    p = np.concatenate([np.full(10, 0.001), np.linspace(0.05, 0.5, 30)])
    assert drop_by_fdr(p, 0.1).sum() == 10


@pytest.mark.parametrize("share_bad", [0.2, 0.5, 0.8])
def test_fdr_keeps_its_promise(share_bad):
    """Good rows have uniform p, bad ones small p: the mean share of good rows among the dropped is at most q."""
    rng = np.random.default_rng(int(10 * share_bad))
    shares = []
    for _ in range(400):
        bad = rng.random(200) < share_bad
        p = np.where(bad, rng.beta(0.2, 8, 200), rng.random(200))
        dropped = drop_by_fdr(p, 0.1)
        shares.append((dropped & ~bad).sum() / max(dropped.sum(), 1))
    mean, error = np.mean(shares), np.std(shares) / 20
    assert mean <= 0.1 + 2 * error
    assert mean >= 0.03  # it drops something

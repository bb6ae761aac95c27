"""Never worse than chance: what does not tell good from spoiled public rows has no say."""

from __future__ import annotations

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.scoring.channel import FORWARD, GRADIENT, Channel
from clues.scoring.criteria import Criterion
from clues.selection.bar import Bar
from clues.selection.seen import auc_of_pairs, with_a_say
from clues.selection.select import select

CRITERION = Criterion("label", "label", (Channel("label", FORWARD), Channel("label", GRADIENT)), (0.26, 1.0))
ROWS = 24


def public(rng, shifts):
    """Channels of good rows and of their copies; `shifts`: how far good lies above spoiled, per channel."""
    good = {c.column: rng.normal(size=ROWS) for c in CRITERION.channels}
    spoiled = {c.column: rng.permutation(good[c.column]) for c in CRITERION.channels}
    for channel, shift in zip(CRITERION.channels, shifts, strict=True):
        good[channel.column] = good[channel.column] + shift
    return good, {"label": spoiled}


def told(good, spoiled):
    return with_a_say((CRITERION,), good, spoiled, {"label": np.arange(ROWS)}, np.arange(ROWS) % 4)


def test_the_area_and_its_interval_by_hand():
    good, spoiled = np.array([3.0, 1.0, 5.0]), np.array([2.0, 0.0, 4.0])
    area, low = auc_of_pairs(good, spoiled, np.arange(3), 0.05)
    assert area == pytest.approx(6 / 9)
    without = [3 / 4, 3 / 4, 3 / 4]
    assert low == pytest.approx(area - 2.919986 * np.sqrt(2 / 3 * np.var(without) * 3))


def test_an_area_without_spread_is_its_own_lower_end():
    assert auc_of_pairs(np.ones(6), np.zeros(6), np.arange(6), 0.01) == (1.0, 1.0)
    assert auc_of_pairs(np.ones(6), np.ones(6), np.arange(6), 0.01) == (0.5, 0.5)


def test_a_channel_that_sees_has_a_say_and_one_of_noise_has_none():
    rng = np.random.default_rng(1)
    (kept,), left = told(*public(rng, (0, 4)))
    assert kept.columns == ("label.gradient",)
    assert [part.name for part in left] == ["label.forward"]
    assert left[0].low is not None
    assert left[0].low <= 0.5


def test_a_channel_turned_round_has_no_say():
    """Worse than chance on public rows: it is no evidence that the other way round would be right."""
    kept, left = told(*public(np.random.default_rng(2), (0, -4)))
    assert kept == ()
    assert [part.name for part in left] == ["label.forward", "label.gradient", "label"]


def test_pure_noise_is_let_in_in_one_run_of_twenty_at_most_and_drops_nothing_else():
    runs, let_in = 300, 0
    for seed in range(runs):
        rng = np.random.default_rng([7, seed])
        good, spoiled = public(rng, (0, 0))
        kept, left = told(good, spoiled)
        let_in += bool(kept)
        if not kept:
            anchors, rows = (public(rng, (0, 0))[0] for _ in range(2))
            found = select(rows, Bar(anchors, good, spoiled, kept, tuple(left)), SelectionSettings())
            assert found.keep.all()
            assert not found.judged.any()
    assert let_in <= 0.05 * runs + 3 * np.sqrt(0.05 * 0.95 * runs)


def test_rows_that_a_criterion_does_not_judge_have_no_part():
    rng = np.random.default_rng(3)
    good, spoiled = public(rng, (0, 4))
    some = np.arange(0, ROWS, 2)
    good["label.applies"] = np.isin(np.arange(ROWS), some).astype(float)
    for column in ("label.forward", "label.gradient"):
        good[column][good["label.applies"] == 0] = np.nan
        spoiled["label"][column] = spoiled["label"][column][some]
    (kept,), _ = with_a_say((CRITERION,), good, spoiled, {"label": some}, np.arange(ROWS) % 4)
    assert kept.columns == ("label.gradient",)

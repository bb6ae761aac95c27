"""A bar at which rows look spoiled: whom the warning names, and that good anchors raise none."""

from __future__ import annotations

import re

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.owner.decide import warnings
from clues.selection.bar import Bar
from clues.selection.low_bar import LOW, low_bar_warning
from clues.selection.select import calibrate
from tests.selection.test_select import bar, table


def dirty_bar(spoiled: list[int], n: int = 40) -> Bar:
    """The bar of test_select, with some anchors that were spoiled for relevance."""
    good, bad = bar(n), table(n, 77, "relevance")
    places = np.isin(np.arange(n), spoiled)
    return Bar({name: np.where(places, bad[name], v) for name, v in good.anchors.items()}, good.good, good.spoiled)


def test_the_worst_anchors_are_named_in_the_order_of_their_file():
    spoiled = [3, 11, 20, 21, 30, 35, 36, 39]
    (text,) = warnings(dirty_bar(spoiled), SelectionSettings(alpha=0.1))
    named = [int(number) - 1 for number in re.findall(r"\d+", text.split("number ")[1])]
    assert len(named) == int(0.1 * 41)
    assert set(named) <= set(spoiled)
    statistic = calibrate(dirty_bar(spoiled).anchors, dirty_bar(spoiled)).statistic
    assert named == np.argsort(statistic)[: len(named)].tolist()
    assert f"{len(named)} of 40 anchors" in text


@pytest.mark.parametrize("settings", [SelectionSettings(), SelectionSettings("fdr")])
def test_good_anchors_raise_no_warning(settings):
    assert warnings(bar(), settings) == []


def test_only_rules_that_have_such_a_bar_and_alphas_that_reach_it_warn():
    statistic = [LOW - 1.0] * 4 + [3.0] * 36
    assert low_bar_warning(statistic, "conformal", 0.1)
    assert not low_bar_warning(statistic, "conformal", 0.2)
    assert not low_bar_warning(statistic, "conformal", 0.001)
    assert not low_bar_warning(statistic, "ratio", 0.1)
    assert not low_bar_warning(statistic, "fdr", 0.1)

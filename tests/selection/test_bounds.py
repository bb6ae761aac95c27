"""The bound on good rows among the dropped, for all bars at once."""

from __future__ import annotations

import numpy as np
import pytest

from clues.kernels.conformal import conformal
from clues.selection.bounds import most_good


@pytest.mark.parametrize(("anchors", "rows"), [(10, 30), (64, 40), (64, 400)])
def test_it_holds_at_every_bar_together_as_often_as_it_says(anchors, rows):
    rng, draws, held = np.random.default_rng(anchors * rows), 400, 0
    bound = np.array([most_good(k / (anchors + 1), anchors, rows) for k in range(1, anchors + 2)])
    for _ in range(draws):
        scores = rng.standard_cauchy(anchors + rows)
        p = conformal(scores[anchors:, None], scores[:anchors, None]).p
        counts = np.array([(p <= k / (anchors + 1) + 1e-9).sum() for k in range(1, anchors + 2)])
        held += bool((counts <= bound).all())
    spread = (0.95 * 0.05 / draws) ** 0.5
    assert 0.95 - 3 * spread <= held / draws  # valid
    assert held / draws <= 0.95 + 4 * spread  # and not for being wide


def test_it_grows_with_p_and_ends_at_all_rows():
    bounds = [most_good(k / 65, 64, 100) for k in range(66)]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0
    assert bounds[-1] == 100
    assert 100 * 0.1 < most_good(0.1, 64, 100) < 35  # more than the 10 expected, far from all


def test_more_confidence_costs_rows():
    assert most_good(0.1, 64, 100, 0.99) > most_good(0.1, 64, 100, 0.95) > most_good(0.1, 64, 100, 0.5)


def test_a_p_between_two_steps_counts_as_the_lower():
    assert most_good(0.1, 64, 100) == most_good(6 / 65, 64, 100)
    assert most_good(0.001, 64, 100) == 0

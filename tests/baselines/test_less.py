"""LESS equals its formula, row by row."""

from __future__ import annotations

import pytest

from clues.baselines.less import Less
from clues.scoring.passes import gradient_pass
from clues.scoring.published import validation_moments
from tests.scoring.test_per_sample import by_hand, cosine, flat
from tests.scoring.test_probe import adapted, random_rows
from tests.scoring.test_published import step_by_hand


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_less_is_the_cosine_of_adams_step_with_the_validation_gradient(kind):
    lm, encoded = adapted(kind, 8), random_rows(8, 5)
    moments = validation_moments(lm, random_rows(18, 4))
    fast = gradient_pass(lm, encoded, [Less(moments)])["less"]
    for i, g in enumerate(by_hand(lm, encoded)):
        step = {name: step_by_hand(g[name], moments.gradient[name], moments.square[name]) for name in g}
        assert fast[i] == pytest.approx(cosine(flat(step), flat(moments.gradient)), abs=1e-5)
        assert abs(fast[i] - cosine(flat(g), flat(moments.gradient))) > 1e-3  # the step matters

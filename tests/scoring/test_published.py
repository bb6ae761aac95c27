"""The published score equals its formula, row by row, as coded and in its variants."""

from __future__ import annotations

import pytest
import torch

from clues.models.adapters import layer_of
from clues.scoring.passes import gradient_pass
from clues.scoring.published import Moments, adam_step, validation_moments
from tests.scoring.test_per_sample import by_hand, flat
from tests.scoring.test_probe import adapted, random_rows


def step_by_hand(g, m, v):
    """Adam's step in float64, written out once more."""
    g, m, v = g.double(), m.double(), v.double()
    return (0.9 * m + 0.1 * g) / (0.999 * v + 0.001 * g**2 + 1e-8) ** 0.5


@pytest.mark.parametrize(("kind", "first_layer"), [("llama", 0), ("llama", 1), ("gpt2", 0)])
def test_the_published_score_equals_its_formula_row_by_row(kind, first_layer):
    lm, encoded = adapted(kind, 6, first_layer=first_layer), random_rows(6, 5)
    moments = validation_moments(lm, random_rows(16, 4))
    fast = gradient_pass(lm, encoded, [*moments.observers(), *moments.variants()])
    m, v = moments.gradient, moments.square
    first = [name for name in m if layer_of(name) == first_layer]
    assert len(first) == (4 if kind == "gpt2" else 6)  # A and B of each target module
    for i, g in enumerate(by_hand(lm, encoded)):
        step = {name: step_by_hand(g[name], m[name], v[name]) for name in g}
        written = {name: step_by_hand(m[name], m[name], v[name]) for name in g}
        expected = {
            "published.dot": flat(g) @ flat(m),
            "published.adam": flat(step) @ flat(m),
            "published.adam-written": flat(step) @ flat(written),
            "published.dot-first": flat(g, first) @ flat(m, first),
            "published.adam-first": flat(step, first) @ flat(m, first),
        }
        for name, value in expected.items():
            assert fast[name][i] == pytest.approx(float(value), rel=1e-4, abs=1e-6), name


def test_where_lora_starts_b_alone_speaks_in_the_first_layer():
    lm = adapted("llama", 6)
    for name, p in lm.model.named_parameters():
        if "lora_B" in name:
            p.data.zero_()
    first = validation_moments(lm, random_rows(16, 4)).first_layer()
    assert {bool(g.any()) for name, g in first.gradient.items() if "lora_A" in name} == {False}
    assert {bool(g.any()) for name, g in first.gradient.items() if "lora_B" in name} == {True}


def test_observers_are_the_two_published_forms():
    moments = Moments({"layers.0.w": torch.ones(1, 1)}, {"layers.0.w": torch.ones(1, 1)})
    assert [o.channels for o in moments.observers()] == [("published.dot",), ("published.adam",)]


def test_adam_step_by_hand():
    step = adam_step(torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([4.0]))
    assert step.item() == pytest.approx((0.9 * 1 + 0.1 * 2) / (0.999 * 4 + 0.001 * 4 + 1e-8) ** 0.5)

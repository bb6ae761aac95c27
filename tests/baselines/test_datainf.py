"""DataInf equals the dense computation with all gradients stored, and points where it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clues.baselines.datainf import DAMPING, datainf_direction
from clues.models.adapters import lora_parameters
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.passes import gradient_pass, row_nll
from clues.scoring.probe import Probe
from tests.scoring.test_per_sample import by_hand
from tests.scoring.test_probe import adapted, random_rows


def datainf(lm, encoded, gradient, others=None):
    direction = datainf_direction(lm, encoded, gradient)
    return gradient_pass(lm, others or encoded, [Probe(direction)])["datainf"]


def dense(rows, gradient):
    """Σ_l ⟨(mean over i of (g_i g_iᵀ + λ_l I)⁻¹) v_l, g_k⟩ with explicit inverses, all gradients stored."""
    scores = torch.zeros(len(rows), dtype=torch.float64)
    for name, v in gradient.items():
        G, v = torch.stack([row[name].flatten() for row in rows]), v.double().flatten()
        damping = DAMPING * G.square().mean()
        identity = torch.eye(len(v), dtype=torch.float64)
        inverse = torch.stack([torch.linalg.inv(torch.outer(g, g) + damping * identity) for g in G]).mean(0)
        scores += G @ (inverse @ v)
    return scores


@pytest.mark.parametrize("budget", [1, 60, 1000])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_datainf_equals_the_dense_inverses(kind, budget):
    lm, encoded = adapted(kind, 9, token_budget=budget), random_rows(9, 6)
    gradient = mean_gradient(lm, random_rows(19, 3), lora_parameters(lm.model))
    expected = dense(by_hand(lm, encoded), gradient).numpy()
    assert np.abs(datainf(lm, encoded, gradient) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_score_depends_on_the_set_of_rows_and_not_on_their_order():
    lm, encoded = adapted("llama", 9, token_budget=100), random_rows(9, 6)
    gradient = mean_gradient(lm, random_rows(19, 3), lora_parameters(lm.model))
    forwards, backwards = datainf(lm, encoded, gradient), datainf(lm, encoded[::-1], gradient)
    assert np.abs(forwards - backwards[::-1]).max() <= 1e-5 * np.abs(forwards).max()
    others = random_rows(29, 2)
    assert datainf(lm, encoded, gradient, others).shape == (2,)
    fewer = datainf(lm, encoded[:3], gradient, encoded)
    assert np.abs(forwards - fewer).max() > 1e-2 * np.abs(forwards).max()


def test_higher_is_better_a_step_on_a_row_above_zero_lowers_the_validation_loss():
    lm, encoded = adapted("llama", 9), random_rows(9, 1)
    parameters = lora_parameters(lm.model)
    gradient = mean_gradient(lm, encoded, parameters)
    (score,) = datainf(lm, encoded, gradient)
    before = row_nll(lm, encoded)
    with torch.no_grad():
        for name, g in gradient.items():
            parameters[name].sub_(1e-3 * g)
    assert score > 0
    assert row_nll(lm, encoded) < before


def test_matrices_without_any_gradient_say_nothing():
    lm, encoded = adapted("llama", 9), random_rows(9, 4)
    for p in lora_parameters(lm.model, "B").values():
        p.data.zero_()
    gradient = mean_gradient(lm, random_rows(19, 3), lora_parameters(lm.model))
    direction = datainf_direction(lm, encoded, gradient)
    assert set(direction.weights) == set(lora_parameters(lm.model, "B"))
    rows = [{n: g for n, g in row.items() if "lora_B" in n} for row in by_hand(lm, encoded)]
    expected = dense(rows, {n: g for n, g in gradient.items() if "lora_B" in n}).numpy()
    found = gradient_pass(lm, encoded, [Probe(direction)])["datainf"]
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_batch_that_found_no_memory_is_not_counted_twice():
    lm, encoded = adapted("llama", 9, token_budget=200), random_rows(9, 8)
    gradient = mean_gradient(lm, random_rows(19, 3), lora_parameters(lm.model))
    whole = datainf(lm, encoded, gradient)
    refusals = iter([True, False, True])

    class Greedy(torch.autograd.Function):
        """Finds no memory in the backward pass, after some modules were observed."""

        @staticmethod
        def forward(_ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, *grad_outputs):  # noqa: ARG004 (torch's own names)
            if next(refusals, False):
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return grad_outputs

    lm.model.get_submodule("base_model.model.model.layers.1").register_forward_hook(
        lambda _m, _a, out: Greedy.apply(out)
    )
    with pytest.warns(UserWarning, match="no memory for"):
        halved = datainf(lm, encoded, gradient)
    assert next(refusals, None) is None
    assert np.abs(halved - whole).max() <= 1e-5 * np.abs(whole).max()

"""Directions against the slow way: every row's gradient by autograd, the whole covariance, a dense solve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clues.kernels.fisher import RIDGE, discriminant
from clues.models.adapters import lora_parameters
from clues.scoring import gathered
from clues.scoring.criteria import CRITERIA
from clues.scoring.directions import average, directions_at
from clues.scoring.reference import reference_gradient
from clues.scoring.validation import encode_validation
from tests.scoring.test_domains import TWELVE, rows
from tests.scoring.test_probe import adapted


def slow(G: np.ndarray, classes: np.ndarray, spoiled: int, ridge: float = RIDGE) -> np.ndarray:
    """The direction [P] of rows [n, P], by the covariance [P, P] itself."""
    used = classes >= 0
    means = {one: G[classes == one].mean(0) for one in set(classes[used])}
    inside = G[used] - np.stack([means[one] for one in classes[used]])
    S = inside.T @ inside
    w = np.linalg.solve(S + ridge * np.trace(S) / used.sum() * np.eye(len(S)), means[0] - means[spoiled])
    return w / np.linalg.norm(w)


@pytest.mark.parametrize(("n", "width", "ridge"), [(18, 7, 0.3), (18, 40, 0.03), (30, 5, 1.0)])
def test_the_discriminant_is_the_one_of_the_whole_covariance(n, width, ridge):
    rng = np.random.default_rng([n, width])
    classes = rng.permutation(np.arange(n) % 4 - 1)  # a quarter has no part
    G = rng.normal(size=(n, width)) + classes[:, None] * rng.normal(size=width)
    for spoiled in (1, 2):
        weights = discriminant(G @ G.T, classes, spoiled, ridge)
        assert weights @ G == pytest.approx(slow(G, classes, spoiled, ridge), rel=1e-6, abs=1e-9)
        assert (weights[classes < 0] == 0).all()


def test_degenerate_rows_have_no_direction_or_the_plain_difference():
    classes = np.array([0, 0, 0, 1, 1, 1])
    for gram in (np.zeros((6, 6)), np.ones((6, 6))):
        assert (discriminant(gram, classes, 1) == 0).all()
    G = np.random.default_rng(3).normal(size=(2, 5))[classes]  # no spread within a class
    expected = (G[0] - G[3]) / np.linalg.norm(G[0] - G[3])
    assert discriminant(G @ G.T, classes, 1) @ G == pytest.approx(expected)


def test_a_small_domains_average_is_of_its_own_folds():
    """Eight rows of one language make two folds, sixteen of the other four."""
    lm = adapted("llama", 1, token_budget=300)
    answers = (*TWELVE, *(f"{answer} Ask a doctor about it." for answer in TWELVE))
    validation = encode_validation(rows(answers, ("fr",) * 8 + ("en",) * 16), lm, 3, domain_field="language")
    folds = directions_at(lm, validation)
    assert len(folds) == 4
    french, english = slice(0, 4), slice(4, 8)
    for name in folds[0].weights:
        w = [fold.weights[name] for fold in folds]
        assert torch.equal(w[0][french], w[2][french])
        assert torch.equal(w[1][french], w[3][french])
        assert not torch.allclose(w[0][french], w[1][french], atol=1e-3)
        assert not torch.allclose(w[0][english], w[2][english], atol=1e-3)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_directions_are_fishers_discriminants_of_the_rows_gradients(kind):
    lm = adapted(kind, 1, token_budget=300)
    validation = encode_validation(rows(), lm, 3)
    found = directions_at(lm, validation)
    parameters = {n: p for n, p in lora_parameters(lm.model, "B").items() if n in found[0].weights}
    encoded = validation.all_rows.encoded
    gradients = [reference_gradient(lm.model, e.input_ids, e.response_mask, parameters) for e in encoded]
    G = np.stack([torch.cat([g[n].flatten() for n in parameters]).double().numpy() for g in gradients])
    classes = np.repeat(range(1 + len(CRITERIA)), len(validation.good))
    assert validation.folds == len(found) == 3
    for fold, own in enumerate(found):
        used = np.where(validation.all_folds == fold, -1, classes)
        for k, criterion in enumerate(CRITERIA):
            fast = torch.cat([own.weights[n][k].flatten() for n in parameters]).numpy()
            expected = slow(G, used, 1 + k)
            assert own.names[k] == f"{criterion.name}.gradient"
            assert np.linalg.norm(fast - expected) < 2e-3  # both of length 1; float32 against float64
            assert fast @ (G[classes == 0].mean(0) - G[classes == 1 + k].mean(0)) > 0  # to good, from spoiled


def test_a_criterions_own_layers_alone_move():
    lm = adapted("llama", 1, token_budget=300)
    criteria = [replace(CRITERIA[0], layers=(0.7, 1.0)), CRITERIA[1]]
    found = directions_at(lm, encode_validation(rows(), lm, 3), criteria)
    for name, w in found[0].weights.items():
        assert bool(w[0].any()) == (".layers.2." in name)
        assert bool(w[1].any())
    assert {name.split(".layers.")[1][0] for name in found[0].weights} == {"1", "2"}


def test_gradients_in_parts_give_the_same_directions(monkeypatch):
    lm = adapted("llama", 1, token_budget=300)
    validation = encode_validation(rows(), lm, 3, domain_field="language")
    whole = directions_at(lm, validation)
    monkeypatch.setattr(gathered, "MOST_BYTES", 20_000)
    shapes = {n: tuple(p.shape) for n, p in lora_parameters(lm.model, "B").items() if n in whole[0].weights}
    assert len(list(gathered._parts(shapes, 60))) > 1
    for a, b in zip(whole, directions_at(lm, validation), strict=True):
        assert a.names == b.names
        assert list(a.weights) == list(b.weights)
        for name in a.weights:
            assert torch.allclose(a.weights[name], b.weights[name], atol=1e-5)


def test_the_average_is_over_the_folds():
    lm = adapted("llama", 1, token_budget=300)
    folds = directions_at(lm, encode_validation(rows(), lm, 3))
    for name, w in average(folds).weights.items():
        assert torch.allclose(w, torch.stack([fold.weights[name] for fold in folds]).sum(0) / 3)

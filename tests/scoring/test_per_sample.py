"""Norms and cosines of every row's gradient equal those of the reference, one row at a time, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from clues.baselines.less import Less
from clues.errors import UnsupportedModuleError
from clues.models.adapters import layer_of, lora_parameters
from clues.scoring.directions import Directions
from clues.scoring.passes import gradient_pass
from clues.scoring.per_sample import Cosine, Norms
from clues.scoring.published import validation_moments
from clues.scoring.reference import reference_gradient
from tests.scoring.test_probe import adapted, random_directions, random_rows

KINDS = ("llama", "gpt2", "gemma3")


def by_hand(lm, encoded) -> list[dict[str, Tensor]]:
    """The gradient of every row with respect to A and B, float64, by name."""
    parameters = lora_parameters(lm.model)
    rows = [reference_gradient(lm.model, e.input_ids, e.response_mask, parameters) for e in encoded]
    return [{name: g.double() for name, g in row.items()} for row in rows]


def flat(tensors: dict[str, Tensor], names=None) -> Tensor:
    """The tensors of these names (all by default) as one vector, float64."""
    return torch.cat([tensors[name].double().flatten() for name in sorted(names or tensors)])


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def limited_directions(lm) -> Directions:
    """One direction over everything, one over the upper layers, one over a single matrix with a hole in it, and 0."""
    directions = random_directions(lm, "AB", 4, 3)
    last = sorted(directions.weights)[-1]
    for name, V in directions.weights.items():
        V[1] *= float(layer_of(name) > 0)
        V[2] *= float(name == last)
        V[3] = 0
    directions.weights[last][2, :, 0] = 0
    return directions


@pytest.mark.parametrize("budget", [1, 60, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_norms_equal_the_reference(kind, budget):
    lm, encoded = adapted(kind, 1, token_budget=budget), random_rows(1, 5)
    fast = gradient_pass(lm, encoded, [Norms(lora_parameters(lm.model))])["gradient.norm"]
    assert fast == pytest.approx([float(flat(g).norm()) for g in by_hand(lm, encoded)], rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_cosines_equal_the_reference_over_the_matrices_that_a_direction_touches(kind):
    lm, encoded = adapted(kind, 2), random_rows(2, 5)
    directions = limited_directions(lm)
    fast = gradient_pass(lm, encoded, [Cosine(directions)])
    for i, g in enumerate(by_hand(lm, encoded)):
        for k, name in enumerate(directions.names[:3]):
            touched = [n for n, V in directions.weights.items() if V[k].any()]
            V = {n: directions.weights[n][k] for n in touched}
            assert fast[name][i] == pytest.approx(cosine(flat(g, touched), flat(V)), abs=1e-5)
    assert not fast[directions.names[3]].any()


def test_per_module_terms_equal_the_reference():
    lm, encoded = adapted("llama", 3, token_budget=1000), random_rows(3, 4)
    directions = random_directions(lm, "AB", 2, 3)
    norms, cosines = Norms(directions.weights), Cosine(directions)
    gradient_pass(lm, encoded, [norms, cosines])
    longest = sorted(range(4), key=lambda i: -len(encoded[i]))
    rows = by_hand(lm, encoded)
    assert set(norms.read_layers()) == set(cosines.read_layers()) == set(directions.weights)
    for name, V in directions.weights.items():
        for place, i in enumerate(longest):
            g = rows[i][name]
            assert float(norms.read_layers()[name][place]) == pytest.approx(float(g.norm()), rel=1e-5)
            expected = [cosine(g.flatten(), v.double().flatten()) for v in V]
            assert cosines.read_layers()[name][place].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_does_not_depend_on_batch_mates_or_order(kind):
    lm, encoded = adapted(kind, 4, token_budget=1000), random_rows(4, 6)
    moments = validation_moments(lm, random_rows(14, 3))

    def scores(rows):
        observers = [Norms(moments.gradient), Cosine(moments.direction("cosine")), Less(moments)]
        return gradient_pass(lm, rows, [*observers, *moments.observers(), *moments.variants()])

    together, backwards, alone = scores(encoded), scores(encoded[::-1]), scores(encoded[2:3])
    assert len(together) == 10  # eight of these observers, two likelihoods that come with the pass
    for name in together:
        if name == "completeness.trained":
            continue  # NaN: random rows have no end token
        scale = np.abs(together[name]).max()
        assert np.abs(together[name] - backwards[name][::-1]).max() <= 2e-5 * scale
        assert abs(together[name][2] - alone[name][0]) <= 2e-5 * scale


@pytest.mark.parametrize("scale", [1e-15, 1e12])
def test_a_cosine_of_tiny_or_huge_gradients_is_that_of_their_directions(scale):
    V, g = torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[1.0]], [[2.0]]])
    observer = Cosine(Directions(("d",), {"w": V * scale}))
    observer.start(2)
    observer.observe("w", torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), g * scale)
    assert observer.read().flatten().tolist() == pytest.approx([0.6, 0.8], rel=1e-6)


def test_a_row_without_a_gradient_has_no_cosine():
    observer = Cosine(Directions(("d",), {"w": torch.ones(1, 2, 3)}))
    observer.start(1)
    observer.observe("w", torch.ones(1, 4, 3), torch.zeros(1, 4, 2))
    assert observer.read().tolist() == [[0.0]]


def test_a_module_that_is_used_twice_is_refused():
    observer = Norms(["w"])
    observer.start(1)
    observer.observe("w", torch.ones(1, 2, 3), torch.ones(1, 2, 2))
    with pytest.raises(UnsupportedModuleError, match="w is used twice in one pass: score it by inner products alone"):
        observer.observe("w", torch.ones(1, 2, 3), torch.ones(1, 2, 2))

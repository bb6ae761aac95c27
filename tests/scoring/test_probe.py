"""The batched engine equals the reference, one row at a time."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.config import AdapterSettings, ModelSettings
from clues.config.names import Precision
from clues.data.encoding import Encoded
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.directions import Directions
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.passes import gradient_pass, row_nll, token_nll
from clues.scoring.probe import Probe
from clues.scoring.reference import reference_gradient, reference_loss, reference_score
from tests.conftest import build_tiny_model, train_tokenizer

TARGETS = {"gpt2": ("c_attn", "c_fc")}
KINDS = ("llama", "gpt2", "qwen3", "gemma3", "mistral")


def adapted(kind: str, seed: int, precision: Precision = "float32", first_layer: int = 0, token_budget: int = 64):
    """A tiny model with a trained-looking adapter: B is not zero."""
    tokenizer = train_tokenizer()
    settings = ModelSettings(precision=precision, token_budget=token_budget)
    lm = LanguageModel(build_tiny_model(kind, tokenizer, seed), tokenizer, settings)
    targets = TARGETS.get(kind, ("q_proj", "v_proj", "down_proj"))
    lm = add_adapter(lm, AdapterSettings(rank=3, alpha=7, target_modules=targets, first_layer=first_layer), seed)
    for p in lora_parameters(lm.model, "B").values():
        p.data.normal_(std=0.1, generator=torch.Generator().manual_seed(seed))
    return lm


def random_rows(seed: int, rows: int, vocabulary: int = 300) -> list[Encoded]:
    """Rows of random tokens with random masks, several responses in one row among them."""
    rng = random.Random(seed)
    result = []
    for _ in range(rows):
        length = rng.randint(3, 30)
        mask = [False] + [rng.random() < 0.6 for _ in range(length - 1)]
        mask[rng.randint(1, length - 1)] = True
        ids = tuple(rng.randrange(vocabulary) for _ in range(length))
        result.append(Encoded(ids, tuple(mask), (), tuple((0, 0) for m in mask if m), False))
    return result


def random_directions(lm: LanguageModel, matrix: str, count: int, seed: int) -> Directions:
    generator = torch.Generator().manual_seed(seed)
    parameters = lora_parameters(lm.model, matrix)
    weights = {n: torch.randn(count, *p.shape, generator=generator) for n, p in parameters.items()}
    return Directions(tuple(f"d{k}" for k in range(count)), weights)


def length(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    """Of one vector that is kept in parts."""
    return torch.stack([part.double().square().sum() for part in parts]).sum().sqrt()


def relative_errors(lm, rows, directions, fast, reference=None):
    """|a − b| / (‖g‖‖V‖) per row and direction; the reference is on the same model, or on another that equals it."""
    model = (reference or lm).model
    parameters = {n: p for n, p in lora_parameters(model).items() if n in directions.weights}
    for i, row in enumerate(rows):
        g = reference_gradient(model, row.input_ids, row.response_mask, parameters)
        norm = length(g.values())
        for k, name in enumerate(directions.names):
            V = {n: w[k] for n, w in directions.weights.items()}
            scale = norm * length(V.values())
            assert scale > 0
            yield abs(fast[name][i] - reference_score(g, V)) / float(scale)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 6),
    budget=st.sampled_from([1, 40, 90, 500]),
    matrix=st.sampled_from(["B", "AB"]),
    first_layer=st.sampled_from([0, 1]),
)
def test_probe_equals_the_reference(kind, seed, rows, budget, matrix, first_layer):
    lm = adapted(kind, seed, first_layer=first_layer, token_budget=budget)
    encoded, directions = random_rows(seed, rows), random_directions(lm, matrix, 3, seed)
    fast = gradient_pass(lm, encoded, [Probe(directions)])
    assert max(relative_errors(lm, encoded, directions, fast)) <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_does_not_depend_on_batch_mates_or_order(kind):
    lm = adapted(kind, 1, token_budget=1000)
    encoded, directions = random_rows(7, 6), random_directions(lm, "B", 2, 3)
    together = gradient_pass(lm, encoded, [Probe(directions)])
    backwards = gradient_pass(lm, encoded[::-1], [Probe(directions)])
    alone = gradient_pass(lm, encoded[2:3], [Probe(directions)])
    for name in directions.names:
        scale = np.abs(together[name]).max()
        assert np.abs(together[name] - backwards[name][::-1]).max() <= 1e-5 * scale
        assert abs(together[name][2] - alone[name][0]) <= 1e-5 * scale


def test_bf16_is_close():
    lm, exact = adapted("llama", 5, "bf16"), adapted("llama", 5)
    encoded, directions = random_rows(5, 5), random_directions(exact, "B", 2, 5)
    rough = gradient_pass(lm, encoded, [Probe(directions)])
    assert 0 < max(relative_errors(exact, encoded, directions, rough)) < 0.03


def test_token_contributions_add_up():
    lm = adapted("llama", 2, token_budget=1000)
    encoded, directions = random_rows(2, 4), random_directions(lm, "B", 2, 2)
    probe = Probe(directions)
    scores = gradient_pass(lm, encoded, [probe])
    longest = sorted(range(4), key=lambda i: -len(encoded[i]))
    tokens = probe.read_tokens()
    assert tokens.shape == (4, max(map(len, encoded)), 2)
    assert np.allclose(tokens.sum(1)[:, 0], scores["d0"][longest], rtol=1e-5)
    assert tokens[-1, len(encoded[longest[-1]]) :].abs().max() == 0  # padding contributes nothing


@pytest.mark.parametrize("kind", KINDS)
def test_likelihoods_equal_transformers_own_loss(kind):
    lm, encoded = adapted(kind, 3), random_rows(3, 5)
    fast = row_nll(lm, encoded)
    slow = [reference_loss(lm.model, e.input_ids, e.response_mask).item() for e in encoded]
    assert np.allclose(fast, slow, rtol=2e-5)
    assert [len(t) for t in token_nll(lm, encoded)] == [sum(e.response_mask) for e in encoded]


def test_mean_gradient_is_the_mean_of_the_reference_gradients():
    lm, encoded = adapted("qwen3", 4), random_rows(4, 5)
    parameters = lora_parameters(lm.model)
    rows = [reference_gradient(lm.model, e.input_ids, e.response_mask, parameters) for e in encoded]
    for name, fast in mean_gradient(lm, encoded, parameters).items():
        slow = torch.stack([r[name] for r in rows]).mean(0)
        assert (fast - slow).norm() <= 1e-5 * slow.norm() + 1e-9

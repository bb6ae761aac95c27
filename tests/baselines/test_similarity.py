"""Similarities equal their formula, one row at a time, on transformers' own hidden states."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clues.baselines.similarity import pool, similarity_scores
from clues.data.batches import collate
from tests.scoring.test_probe import adapted, random_rows


def represented(lm, row) -> np.ndarray:
    """The position-weighted mean of one row's last hidden states, float64."""
    with torch.no_grad():
        output = lm.model(input_ids=torch.tensor([row.input_ids]), output_hidden_states=True)
    states = output.hidden_states[-1][0].double().numpy()
    return np.average(states, axis=0, weights=np.arange(1, len(row) + 1))


def cosines(lm, row, validation) -> list[float]:
    a = represented(lm, row)
    others = [represented(lm, other) for other in validation]
    return [float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))) for b in others]


@pytest.mark.parametrize("budget", [1, 1000])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_similarity_equals_its_formula_whatever_the_batch(kind, budget):
    lm, encoded, validation = adapted(kind, 5, token_budget=budget), random_rows(5, 6), random_rows(15, 3)
    counted = []
    found = similarity_scores(lm, encoded, validation, counted.append)
    assert sum(counted) == 6
    for i, row in enumerate(encoded):
        expected = cosines(lm, row, validation)
        assert found["similarity.max"][i] == pytest.approx(max(expected), abs=1e-5)
        assert found["similarity.mean"][i] == pytest.approx(np.mean(expected), abs=1e-5)


def test_a_validation_row_is_most_similar_to_itself_and_order_does_not_matter():
    lm, encoded = adapted("llama", 5, token_budget=1000), random_rows(5, 6)
    found = similarity_scores(lm, encoded, encoded[:2])["similarity.max"]
    assert found[:2] == pytest.approx([1, 1], abs=1e-5)
    assert (found[2:] < 0.999).all()
    assert found == pytest.approx(
        similarity_scores(lm, encoded[::-1], encoded[1::-1])["similarity.max"][::-1], abs=1e-5
    )


def test_later_tokens_weigh_more_and_padding_nothing():
    lm = adapted("llama", 5)
    rows = random_rows(1, 2)
    batch = collate(rows, [0, 1], lm.pad_id)
    states = torch.zeros(2, batch.input_ids.shape[1], 1)
    short = min(range(2), key=lambda b: len(rows[b]))
    T = len(rows[short])
    states[short, T:] = 1e6
    states[short, T - 1] = 1
    assert pool(states, batch)[short, 0].item() == pytest.approx(T / (T * (T + 1) / 2))


def test_bf16_is_close():
    rough, exact = adapted("llama", 5, "bf16"), adapted("llama", 5)
    encoded, validation = random_rows(5, 4), random_rows(15, 3)
    a, b = (similarity_scores(lm, encoded, validation)["similarity.max"] for lm in (rough, exact))
    assert 0 < np.abs(a - b).max() < 0.02

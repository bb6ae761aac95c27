"""Local training: the order of rows, the same result again, and a plain loop beside the Trainer."""

from __future__ import annotations

import pytest
import torch

from clues.config import TrainingSettings
from clues.models.adapters import adapter_state, load_adapter_state, lora_parameters
from clues.scoring.passes import row_nll
from clues.scoring.reference import reference_loss
from clues.training.local import row_order, train
from tests.scoring.test_probe import adapted, random_rows

SETTINGS = TrainingSettings(batch_size=3, learning_rate=1e-2)


def test_every_epoch_is_a_permutation():
    order = row_order(7, 3, 0, 14, seed=1)
    epochs = [order[i : i + 7] for i in range(0, 42, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_rounds_see_the_rows_that_one_long_run_sees(cut):
    whole = row_order(7, 3, 0, 8, seed=5)
    assert row_order(7, 3, 0, cut, seed=5) + row_order(7, 3, cut, 8 - cut, seed=5) == whole


def test_training_equals_a_plain_loop():
    lm, rows = adapted("llama", 3), random_rows(3, 7)
    start = adapter_state(lm.model)
    loss = train(lm, rows, SETTINGS, steps=4, first_step=2, seed=9)
    trained = adapter_state(lm.model)
    load_adapter_state(lm.model, start)
    parameters = list(lora_parameters(lm.model).values())
    for p in parameters:
        p.requires_grad_(True)
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.0)
    order, losses = row_order(7, 3, 2, 4, seed=9), []
    for step in range(4):
        batch = [rows[i] for i in order[3 * step : 3 * step + 3]]
        value = torch.stack([reference_loss(lm.model, e.input_ids, e.response_mask) for e in batch]).mean()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(value.item())
    assert loss == pytest.approx(sum(losses) / 4, rel=1e-5)
    for name, tensor in adapter_state(lm.model).items():
        assert torch.allclose(trained[name], tensor, atol=1e-5), name


def test_the_same_seed_gives_the_same_adapter_and_lowers_the_loss():
    results = []
    for _ in range(2):
        lm, rows = adapted("qwen3", 1), random_rows(1, 6)
        before = row_nll(lm, rows).mean()
        steps: list[int] = []
        train(lm, rows, SETTINGS, steps=10, first_step=0, seed=2, on_step=lambda s=steps: s.append(1))
        assert len(steps) == 10
        assert row_nll(lm, rows).mean() < before
        assert not any(p.requires_grad for p in lm.model.parameters())
        results.append(adapter_state(lm.model))
    assert all(torch.equal(results[0][n], t) for n, t in results[1].items())

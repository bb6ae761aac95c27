"""Batches that find no memory, the output head in chunks, and likelihoods that come with the gradient pass."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from clues.data.batches import collate
from clues.errors import RowTooLongError
from clues.models.adapters import lora_parameters
from clues.models.likelihood import response_nll, row_means
from clues.scoring.criteria import CRITERIA
from clues.scoring.directions import criterion_parameters
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.passes import gradient_pass, token_nll
from clues.scoring.probe import Probe
from tests.scoring.test_probe import adapted, random_directions, random_rows


class SmallMemory:
    """A model with memory for `tokens` tokens at once, and for what it was asked."""

    def __init__(self, model: torch.nn.Module, tokens: int) -> None:
        self.tokens, self.asked = tokens, []
        model.register_forward_pre_hook(self, with_kwargs=True)

    def __call__(self, _module, _args, inputs):
        self.asked.append(tuple(inputs["input_ids"].shape))
        if inputs["input_ids"].numel() > self.tokens:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: tried")


def test_a_batch_that_finds_no_memory_is_halved_and_no_later_one_is_larger():
    lm, encoded = adapted("llama", 3, token_budget=400), random_rows(3, 24)
    directions = random_directions(lm, "B", 2, 3)
    whole = gradient_pass(lm, encoded, [Probe(directions)])
    counted, memory = [], SmallMemory(lm.model, 130)
    with pytest.warns(UserWarning, match=r"no memory for \d+ tokens at once: going on with \d+"):
        halved = gradient_pass(lm, encoded, [Probe(directions)], counted.append)
    assert sum(counted) == 24
    for name in directions.names:
        assert np.abs(halved[name] - whole[name]).max() <= 1e-5 * np.abs(whole[name]).max()
    refused = [rows * tokens > 130 for rows, tokens in memory.asked]
    assert any(refused)
    assert not any(refused[refused.index(False) :])  # once it fits, it is not tried again


def test_one_row_without_memory_says_what_to_do():
    lm, encoded = adapted("llama", 3), random_rows(3, 2)
    SmallMemory(lm.model, 1)
    longest = max(map(len, encoded))
    with pytest.raises(RowTooLongError, match=f"one row of {longest} tokens: lower model.max_length"):
        token_nll(lm, encoded)


def test_another_error_is_not_taken_for_a_lack_of_memory():
    lm, encoded = adapted("llama", 3), random_rows(3, 2)

    def broken(*_args):
        raise RuntimeError("shapes do not fit")

    lm.model.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        token_nll(lm, encoded)


@pytest.mark.parametrize("tokens", [1, 3, 1000])
def test_the_head_sees_no_more_than_a_chunk_and_the_gradient_is_the_same(tokens):
    lm, encoded = adapted("llama", 4), random_rows(4, 5)
    parameters = lora_parameters(lm.model, "B")
    for p in parameters.values():
        p.requires_grad_(True)
    batch, seen = collate(encoded, range(5), lm.pad_id), []
    head = lm.model.get_output_embeddings()
    assert isinstance(head, torch.nn.Linear)
    head.register_forward_hook(lambda _module, _args, logits: seen.append(logits.numel()))

    def gradients(logit_values):
        nll, row = response_nll(lm.model, batch.input_ids, batch.attention_mask, batch.response_mask, logit_values)
        return nll, torch.autograd.grad(row_means(nll, row, 5).sum(), list(parameters.values()))

    nll, expected = gradients(2**26)
    seen.clear()
    chunked, found = gradients(tokens * head.out_features)
    assert max(seen) <= tokens * head.out_features
    assert torch.allclose(chunked, nll, atol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, expected, strict=True))


def test_likelihoods_come_with_the_gradient_pass():
    lm = adapted("llama", 5, token_budget=100)
    encoded = [replace(e, end_positions=(max(np.flatnonzero(e.response_mask)),)) for e in random_rows(5, 6)]
    encoded[2] = replace(encoded[2], end_positions=(), truncated=True)
    found, nll = gradient_pass(lm, encoded, [Probe(random_directions(lm, "B", 1, 5))]), token_nll(lm, encoded)
    assert np.allclose(found["fluency.trained"], [-x.mean() for x in nll], rtol=1e-5)
    ends = [np.nan if e.truncated else -x[-1] for e, x in zip(encoded, nll, strict=True)]
    assert np.allclose(found["completeness.trained"], ends, rtol=1e-5, equal_nan=True)


def test_the_backward_pass_stops_at_the_lowest_layer_that_is_read():
    """The gradient of a layer's hidden states is asked for only where something below is read."""
    lm, encoded = adapted("llama", 6, token_budget=400), random_rows(6, 4)
    lowest = {n for n in lora_parameters(lm.model, "B") if ".layers.2." in n}
    directions = random_directions(lm, "B", 1, 6)
    directions = replace(directions, weights={n: w for n, w in directions.weights.items() if n in lowest})
    reached = []
    for name, module in lm.model.named_modules():
        if re.search(r"layers\.\d+$", name):
            module.register_forward_hook(
                lambda _module, _args, output, layer=int(name[-1]): reached.append((layer, output.requires_grad))
            )
    gradient_pass(lm, encoded, [Probe(directions)])
    assert set(reached) == {(0, False), (1, False), (2, True)}


def test_a_criterions_parameters_lie_in_its_layers():
    lm = adapted("llama", 1)
    found = {c.name: set(criterion_parameters(lm, c)) for c in CRITERIA if c.layers is not None}
    layers = {name: {int(n.split(".layers.")[1][0]) for n in names} for name, names in found.items()}
    assert layers == {name: {1, 2} for name in ("fluency", "relevance", "completeness", "novelty")}
    last = criterion_parameters(lm, replace(CRITERIA[0], layers=(0.7, 1.0)))
    assert {int(n.split(".layers.")[1][0]) for n in last} == {2}
    assert found["fluency"] == {n for n in lora_parameters(lm.model, "B") if ".layers.0." not in n}


def test_a_gradient_batch_that_finds_no_memory_is_halved_too():
    lm, encoded = adapted("llama", 3, token_budget=400), random_rows(3, 12)
    parameters = lora_parameters(lm.model, "B")
    whole = mean_gradient(lm, encoded, parameters)
    SmallMemory(lm.model, 130)
    with pytest.warns(UserWarning, match="no memory for"):
        halved = mean_gradient(lm, encoded, parameters)
    for name, gradient in whole.items():
        assert torch.allclose(halved[name], gradient, atol=1e-6)

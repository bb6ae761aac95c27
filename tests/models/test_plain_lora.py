"""Which adapters are accepted, and what is said about the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from peft import LoraConfig, PeftConfig, PromptTuningConfig, TaskType, get_peft_model
from transformers import PreTrainedModel

from clues.config import AdapterSettings, ModelSettings
from clues.errors import AdapterError
from clues.models.adapters import add_adapter, check_adapter, load_adapter, lora_parameters
from clues.models.base import LanguageModel
from tests.conftest import build_tiny_model, train_tokenizer

TOKENIZER = train_tokenizer()


def model_of(kind: str) -> PreTrainedModel:
    return build_tiny_model(kind, TOKENIZER).requires_grad_(False)


def tiny(kind: str) -> LanguageModel:
    return LanguageModel(model_of(kind), TOKENIZER, ModelSettings())


def lora(**more) -> LoraConfig:
    return LoraConfig(**{"r": 2, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"} | more)


REFUSED = {
    "use_dora": lora(use_dora=True),
    "lora_bias": lora(lora_bias=True, target_modules=["q_proj"]),
    "bias": lora(bias="all"),
    "modules_to_save": lora(modules_to_save=["lm_head"]),
    "trainable_token_indices": lora(trainable_token_indices=[1, 2]),
    "target_parameters": lora(target_parameters=["experts.down_proj"]),
    "type PROMPT_TUNING": PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=2),
}


@pytest.mark.parametrize("setting", REFUSED)
def test_what_trains_beside_plain_lora_is_refused_by_its_name(setting, tmp_path):
    model = get_peft_model(model_with(setting), config := REFUSED[setting])
    with pytest.raises(
        AdapterError, match=rf"the adapter .*{setting}.*train .*LoRA|the adapter .*{setting}.*LoraConfig"
    ):
        check_adapter(model)
    model.save_pretrained(str(tmp_path))
    assert isinstance(PeftConfig.from_pretrained(str(tmp_path)), type(config))
    base = LanguageModel(model_with(setting), TOKENIZER, ModelSettings())
    with pytest.raises(AdapterError, match=rf"{tmp_path} .*{setting}"):
        load_adapter(base, tmp_path)
    assert not any("lora" in name for name, _ in base.model.named_modules())  # nothing was put on it


def model_with(setting: str) -> PreTrainedModel:
    return model_of("mixtral" if setting == "target_parameters" else "qwen2" if setting == "lora_bias" else "llama")


@pytest.mark.parametrize(
    ("kind", "target", "said"),
    [
        ("llama", "nothing_like_it", "no module is called nothing_like_it"),
        ("llama", "lm_head", "lm_head is the output head"),
        ("llama", "embed_tokens", r"model.embed_tokens \(Embedding\) is not a linear layer"),
        ("gpt2", "wte", r"transformer.wte \(Embedding\) is not a linear layer"),
        ("mixtral", "gate", r"model.layers.0.mlp.gate \(MixtralTopKRouter\) is not a linear layer"),
        ("mixtral", "experts", r"model.layers.0.mlp.experts \(MixtralExperts\) is not a linear layer"),
        ("mixtral", "down_proj", r"model.layers.0.mlp.experts.down_proj \(Parameter\) is not a linear layer"),
    ],
)
def test_a_target_that_is_no_linear_layer_inside_the_model_is_refused(kind, target, said):
    choice = {"gpt2": "c_attn, c_fc, c_proj", "mixtral": "k_proj, o_proj, q_proj, v_proj"}.get(kind, "down_proj, gate_")
    with pytest.raises(AdapterError, match=rf"adapter.target_modules: choose among {choice}.*; {said}"):
        add_adapter(tiny(kind), AdapterSettings(target_modules=("q_proj", target)[kind == "gpt2" :]), 0)


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("llama", lora(target_modules=["lm_head"]), "lm_head is the output head"),
        ("llama", lora(target_modules=["embed_tokens"]), r"model.embed_tokens \(Embedding\) is not a linear layer"),
        ("mixtral", lora(target_modules=["gate"]), r"target_parameters = .'gate.weight'"),
        ("llama", lora(alora_invocation_tokens=[5]), "q_proj has the LoRA variant ALoraLinearVariant"),
    ],
)
def test_adapters_made_elsewhere_are_checked_layer_by_layer(kind, config, said, tmp_path):
    made = get_peft_model(model_of(kind), config)
    with pytest.raises(AdapterError, match=said):
        check_adapter(made)
    made.save_pretrained(str(tmp_path))
    with pytest.raises(AdapterError, match=said):
        load_adapter(tiny(kind), tmp_path)


def test_only_the_one_adapter_and_nothing_else_may_train():
    with pytest.raises(AdapterError, match="LlamaForCausalLM carries no adapter"):
        check_adapter(model_of("llama"))
    with pytest.raises(AdapterError, match="the active adapter is mine: load it under the name default"):
        check_adapter(get_peft_model(model_of("llama"), lora(), adapter_name="mine"))
    model = get_peft_model(model_of("llama"), lora(use_rslora=True))
    check_adapter(model)
    assert len(lora_parameters(model)) == sum(p.requires_grad for p in model.parameters()) == 12
    model.get_submodule("base_model.model.model.norm").requires_grad_(True)
    with pytest.raises(AdapterError, match=r"model.norm.weight trains beside A and B.*freeze it"):
        check_adapter(model)


def test_an_adapter_folder_of_an_unknown_kind_is_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "SOMETHING"}')
    with pytest.raises(AdapterError, match=r"not an adapter that can be read.*SOMETHING"):
        load_adapter(tiny("llama"), Path(tmp_path))

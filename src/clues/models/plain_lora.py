"""Which adapters can be scored exactly, and what to do about the others.

A score is an inner product of gradients of the matrices A and B in y = W x + s B (A x), where W belongs to a linear
layer and s is a constant (alpha / r, or alpha / √r under rsLoRA). What trains beside A and B, or uses them in another
way, would be left out without a word, and so it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from peft import LoraConfig, PeftConfig, PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import PreTrainedModel

from clues.errors import AdapterError
from clues.models.transformers_private import LINEAR

LORA_MATRIX = r"\.lora_[{matrix}]\.default\.weight$"
"""Names of the weights that scores are about; `matrix` is A, B or AB."""

BESIDE = {
    "use_dora": "magnitudes train beside A and B",
    "lora_bias": "biases train beside A and B",
    "bias": "the base model's biases train beside A and B",
    "modules_to_save": "whole modules train beside A and B",
    "trainable_token_indices": "embeddings train beside A and B",
    "target_parameters": "tensors of no linear layer (of experts, for example) carry adapters",
}
"""Settings of a LoRA adapter with which a row does more than its gradients of A and B say."""


def check_adapter(model: nn.Module) -> None:
    """Nothing happens for a model whose rows have exact scores: plain LoRA, named `default`, on linear layers.

    Raises AdapterError that names the setting, module or parameter for DoRA and other variants of LoRA, other types of
    adapters, adapters on anything but a linear layer inside the model, and whatever trains beside A and B.
    """
    if not isinstance(model, PeftModel):
        raise AdapterError(f"{type(model).__name__} carries no adapter: make one by peft.get_peft_model")
    if model.active_adapters != ["default"]:
        active = ", ".join(model.active_adapters)
        raise AdapterError(f"the active adapter is {active}: load it under the name default, and activate no other")
    check_config(model.peft_config["default"], "the adapter")
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            _check_layer(name, module, head)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not re.search(LORA_MATRIX.format(matrix="AB"), name):
            raise AdapterError(f"{name} trains beside A and B, and scores would leave it out: freeze it")


def check_config(config: PeftConfig, where: str) -> None:
    """Raises AdapterError, which begins with `where`, for anything but a plain LoRA adapter."""
    if not isinstance(config, LoraConfig):
        kind = getattr(config.peft_type, "value", config.peft_type)
        raise AdapterError(f"{where} is of the type {kind}; clues reads LoRA adapters: train one by peft.LoraConfig")
    for setting, reason in BESIDE.items():
        value = getattr(config, setting)
        if value and value != "none":
            raise AdapterError(
                f"{where} has {setting} = {value!r}: {reason}, and scores would leave that out; "
                "train a plain LoRA adapter (rsLoRA is one too)"
            )


def lora_targets(model: PreTrainedModel, names: tuple[str, ...]) -> list[str]:
    """Names of linear layers, as they are; `all-linear`, alone, stands for all of them but the output head.

    Raises AdapterError for a name that no module has, or one that is no linear layer inside the model.
    """
    head = model.get_output_embeddings()
    parts: Mapping[str, object] = {**dict(model.named_modules()), **dict(model.named_parameters())}
    linear = {name for name, part in parts.items() if isinstance(part, LINEAR) and part is not head}
    known = sorted({name.rpartition(".")[2] for name in linear})
    for target in () if names == ("all-linear",) else names:
        found = [name for name in parts if f".{name}".endswith(f".{target}")]
        where = f"adapter.target_modules: choose among {', '.join(known)}"
        if not found:
            raise AdapterError(f"{where}; no module is called {target}")
        if odd := [name for name in found if name not in linear]:
            raise AdapterError(f"{where}; {_refusal(odd[0], parts[odd[0]], head)}")
    return known if names == ("all-linear",) else list(names)


def _check_layer(name: str, layer: LoraLayer, head: nn.Module | None) -> None:
    if layer.lora_variant:
        variant = type(next(iter(layer.lora_variant.values()))).__name__
        raise AdapterError(f"{name} has the LoRA variant {variant}, which uses A and B otherwise; train plain LoRA")
    base = layer.get_base_layer()
    if layer is head or not isinstance(base, LINEAR):
        part = head if layer is head else base
        raise AdapterError(f"{_refusal(name, part, head)}; target linear layers only (q_proj and v_proj, for example)")


def _refusal(name: str, part: object, head: nn.Module | None) -> str:
    if part is head:
        return f"{name} is the output head, which sees the response tokens only and stays frozen"
    return f"{name} ({type(part).__name__}) is not a linear layer inside the model"

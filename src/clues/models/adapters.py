"""LoRA adapters on a base model, and their weights as plain named tensors."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from torch import Tensor, nn
from transformers import PreTrainedModel

from clues.config import AdapterSettings
from clues.disk.writing import adding_to
from clues.errors import AdapterError
from clues.models.adapter_files import AdapterFiles, made_for_another
from clues.models.base import LanguageModel
from clues.models.plain_lora import LORA_MATRIX, check_adapter, check_config, lora_targets


def add_adapter(lm: LanguageModel, settings: AdapterSettings, seed: int) -> LanguageModel:
    """Put a fresh LoRA adapter on the layers from `first_layer` up: A random from `seed`, B zero, no dropout.

    Dropout is off (the paper trains with 0.05) so that training and scoring see the same function.
    Raises AdapterError for a layer that is not there, and for a target that is missing or no linear layer inside the
    model (the output head, an embedding, experts kept in one tensor).
    """
    model = cast(PreTrainedModel, lm.model)
    layers = list(range(settings.first_layer, model.config.get_text_config().num_hidden_layers))
    if not layers:
        raise AdapterError(f"adapter.first_layer = {settings.first_layer} is above the model's last layer")
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=0.0,
        target_modules=lora_targets(model, settings.target_modules),
        layers_to_transform=layers,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)
    try:
        adapted = cast(PeftModel, get_peft_model(model, config))
    except ValueError as error:
        raise AdapterError(f"adapter.target_modules: {error}") from error
    check_adapter(adapted)
    return replace(lm, model=adapted.requires_grad_(False).eval())


def lora_parameters(model: nn.Module, matrix: str = "AB") -> dict[str, nn.Parameter]:
    """The adapter's weights by parameter name, A and B or one of them (`matrix` = "A", "B")."""
    pattern = re.compile(LORA_MATRIX.format(matrix=matrix))
    return {name: p for name, p in model.named_parameters() if pattern.search(name)}


def layer_of(parameter_name: str) -> int:
    """Index of the decoder layer that a parameter belongs to."""
    match = re.search(r"\.(?:layers|h|blocks)\.(\d+)\.", parameter_name)
    if match is None:
        raise AdapterError(f"{parameter_name} belongs to no numbered layer")
    return int(match.group(1))


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the adapter's weights under PEFT's own file names, float32 on the CPU."""
    return {
        name: t.detach().float().cpu().clone() for name, t in get_peft_model_state_dict(cast(PeftModel, model)).items()
    }


def load_adapter_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Set the adapter's weights. Raises AdapterError when names or shapes differ."""
    current = get_peft_model_state_dict(cast(PeftModel, model))
    if set(current) != set(state):
        odd = sorted(set(current) ^ set(state))[0]
        raise AdapterError(f"adapter weights do not fit this model: {odd} is on one side only")
    for name, tensor in state.items():
        if tensor.shape != current[name].shape:
            raise AdapterError(f"{name} has shape {tuple(tensor.shape)}, the model {tuple(current[name].shape)}")
    set_peft_model_state_dict(cast(PeftModel, model), dict(state))


def load_adapter(lm: LanguageModel, folder: Path) -> LanguageModel:
    """The base model with an adapter in PEFT's format on it; `unload` of its model takes the adapter off again.

    Warns where the adapter says that it was made for another model. Raises AdapterError where there is none, what
    `AdapterFiles.read` and `check_adapter` raise, and where it does not fit this model.
    """
    files = AdapterFiles.read(folder)
    check_config(files.config, str(folder))
    base = str(getattr(lm.model, "name_or_path", ""))
    if other := made_for_another(files.config, {lm.settings.name, base}):
        text = f"{folder}: made for {other}, used on {lm.settings.name}; if these are not one model, no number is right"
        warnings.warn(text, stacklevel=2)
    try:
        adapted = PeftModel.from_pretrained(cast(PreTrainedModel, lm.model), str(folder))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise AdapterError(f"{folder}: not an adapter for this model: {error}") from error
    # PEFT passes over weights that have no place in the model, and only warns of places that get no weights.
    if odd := sorted(set(files.state) ^ set(get_peft_model_state_dict(adapted))):
        raise AdapterError(f"{folder}: not an adapter for this model: {odd[0]} is on one side only")
    check_adapter(adapted)
    return replace(lm, model=adapted.requires_grad_(False).eval())


def save_adapter(model: nn.Module, folder: Path) -> None:
    """Write the adapter in PEFT's format."""
    with adding_to(folder) as scratch:
        cast(PeftModel, model).save_pretrained(str(scratch))

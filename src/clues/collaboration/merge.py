"""One-shot merging: adapters that were trained apart become one, by PEFT's rules.

PEFT's `add_weighted_adapter` multiplies both LoRA factors by √(weight · scaling) and then, factor by factor,
- `linear` adds them up: K equal adapters of weight 1/K would come out with K times their product BA;
- `ties` trims each to its largest entries, elects a sign per entry by the sum over the adapters, and takes the mean of
  the entries with that sign over *how many they are*: weights of 1/K would shrink the product to a K-th.
So here the weights are shares w_k that add up to 1 and enter each factor as they are in `linear` (PEFT's weight is
w_k²) and K times as large in `ties` (PEFT's weight is (K·w_k)²; equal shares are the paper's 1.0). Either way equal
adapters keep their size. `linear` is then the average of the factors, FedAvg's step.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never

import torch
from peft import LoraConfig, PeftConfig
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from peft.utils.merge_utils import task_arithmetic, ties
from safetensors.torch import save_file

from clues.collaboration.aggregate import simplex
from clues.collaboration.state import State
from clues.config.names import Method
from clues.disk.writing import adding_to
from clues.models.adapter_files import AdapterFiles

Tensors = Mapping[str, torch.Tensor]

PLAIN = {
    "auto_mapping", "base_model_name_or_path", "exclude_modules", "fan_in_fan_out", "inference_mode",
    "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout", "peft_type",
    "peft_version", "r", "revision", "runtime_config", "target_modules", "task_type", "use_rslora",
}  # fmt: skip
"""Fields of LoraConfig that leave an adapter plain LoRA: a pair of factors per linear layer."""


def merge_adapters(
    states: Sequence[State], weights: Sequence[float], method: Method = "linear", density: float = 0.2
) -> dict[str, torch.Tensor]:
    """Merge adapters of one configuration into an adapter of that configuration, scaling included.

    weights: share of each adapter, made to add up to 1. density: share of the entries of a factor that `ties` keeps,
    in (0, 1]; a single adapter has nobody to disagree with and is not trimmed, as in PEFT. Raises ValueError for
    adapters that do not fit each other.
    """
    shares = torch.tensor(simplex(weights), dtype=torch.float32)
    if len(states) != len(shares):
        raise ValueError(f"{len(states)} adapters and {len(shares)} weights: one weight per adapter is needed")
    if not 0 < density <= 1:
        raise ValueError(f"density is {density}; it is the share of entries that is kept, in (0, 1]")
    adapters = [{key: torch.as_tensor(tensor) for key, tensor in state.items()} for state in states]
    for index, adapter in enumerate(adapters):
        _check_fit(adapter, adapters[0], f"adapter {index}", "adapter 0")

    first = adapters[0]
    factors = {key: [adapter[key].float() for adapter in adapters] for key in first}
    return {key: _merged(part, shares, method, density).to(first[key].dtype) for key, part in factors.items()}


def _merged(factors: list[torch.Tensor], shares: torch.Tensor, method: Method, density: float) -> torch.Tensor:
    """One factor of all adapters as one."""
    match method:
        case "linear":
            return task_arithmetic(factors, shares)
        case "ties":
            alone = len(factors) == 1  # nobody to disagree with
            return task_arithmetic(factors, shares) if alone else ties(factors, len(factors) * shares, density)
        case _:
            assert_never(method)


def merge_folders(
    folders: Sequence[Path],
    output: Path,
    method: Method = "linear",
    weights: Sequence[float] | None = None,
    density: float = 0.2,
) -> None:
    """Merge adapters in PEFT's format into a new folder in that format; the base model is not needed.

    weights: as in `merge_adapters`, equal if None. Adapters may differ in their scaling (it is multiplied into the
    factors; the result has 1), not in their base, rank or layers. Raises ValueError or FileNotFoundError with the
    folder and what to do, FileExistsError when `output` holds an adapter.
    """
    if not folders:
        raise ValueError("no adapter to merge; name at least one folder in PEFT's format")
    if (output / CONFIG_NAME).exists():
        raise FileExistsError(f"{output} already holds an adapter; choose another output folder")
    files = [_read(folder) for folder in folders]
    configs = [_plain(part.config, folder) for part, folder in zip(files, folders, strict=True)]
    states = [_scaled(part, config, f) for part, config, f in zip(files, configs, folders, strict=True)]
    for folder, config, state in zip(folders, configs, states, strict=True):
        _check_fit(state, states[0], str(folder), str(folders[0]))
        if config.base_model_name_or_path != configs[0].base_model_name_or_path:
            raise ValueError(
                f"{folder} is for base model {config.base_model_name_or_path}, {folders[0]} for "
                f"{configs[0].base_model_name_or_path}; if these are two names of one model, make "
                f"base_model_name_or_path in their {CONFIG_NAME} equal"
            )
    state = merge_adapters(states, weights or [1.0] * len(states), method, density)
    config = dataclasses.replace(configs[0], lora_alpha=configs[0].r, use_rslora=False, inference_mode=True)
    with adding_to(output) as scratch:
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, scratch / SAFETENSORS_WEIGHTS_NAME)
        config.save_pretrained(str(scratch))


def _read(folder: Path) -> AdapterFiles:
    for name in (CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: no {name}; an adapter folder in PEFT's format is needed")
    return AdapterFiles.read(folder)


def _plain(config: PeftConfig, folder: Path) -> LoraConfig:
    """The configuration of a plain LoRA adapter: PEFT merges nothing else factor by factor."""
    if not isinstance(config, LoraConfig):
        raise ValueError(f"{folder}: a {config.peft_type} adapter; only LoRA adapters can be merged")
    plain = LoraConfig()
    for field in dataclasses.fields(LoraConfig):
        if field.name not in PLAIN and getattr(config, field.name) != getattr(plain, field.name):
            raise ValueError(f"{folder}: {field.name} is set; only plain LoRA adapters can be merged")
    if config.init_lora_weights not in (True, False, "gaussian", "orthogonal"):
        raise ValueError(
            f"{folder}: init_lora_weights {config.init_lora_weights} changes the base model; not mergeable"
        )
    return config


def _scaled(files: AdapterFiles, config: LoraConfig, folder: Path) -> dict[str, torch.Tensor]:
    """The factors, each times √scaling, so that their product is the update as the base model feels it."""
    state = files.state
    strange = next((key for key in state if not key.endswith(("lora_A.weight", "lora_B.weight"))), None)
    if strange:
        raise ValueError(
            f"{folder}: {strange} is not a factor of a linear layer; only plain LoRA adapters can be merged"
        )
    scaling = config.lora_alpha / (math.sqrt(config.r) if config.use_rslora else config.r)
    return {key: tensor * math.sqrt(scaling) for key, tensor in state.items()}


def _check_fit(state: Tensors, first: Tensors, name: str, first_name: str) -> None:
    """Same layers, same shapes, finite numbers."""
    odd = sorted(state.keys() ^ first.keys())
    if odd:
        raise ValueError(f"{name} and {first_name} differ in their layers, for example {odd[0]}")
    for key, tensor in state.items():
        if tensor.shape != first[key].shape:
            raise ValueError(f"{name}: {key} is {list(tensor.shape)}, in {first_name} {list(first[key].shape)}")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name}: {key} holds numbers that are not finite; this adapter must not be merged")

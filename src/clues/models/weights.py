"""How the weights of a base model are read and kept: float32, bf16 for matrix products, or 8 or 4 bits."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from clues.config import ModelSettings
from clues.errors import ModelError
from clues.models.transformers_private import LINEAR


def whole_model(source: str, **more: Any) -> PreTrainedModel:
    """The model in float32, or as its checkpoint or a `quantization_config` in `more` quantises it.

    Raises ModelError for a weight that transformers would replace by a random one.
    """
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True, **more
    )
    model, info = loaded
    lost = sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})
    if lost:
        raise ModelError(
            f"model {more.get('gguf_file', source)}: {len(lost)} weights are missing or of another shape than the "
            f"configuration says, first {lost[0]}; take the model in safetensors format, or another copy of it"
        )
    _keep_rows_apart(model)
    return model


def _keep_rows_apart(model: nn.Module) -> None:
    """Set the layers of bitsandbytes so that a row's numbers are its own, and gradients pass.

    8 bits: the inputs that are kept in 16 bits, because one of a batch's values is above a threshold, are none: on
    SmolLM2 they made gradients differ by 18 % between a batch and its rows alone, and were no closer to float32.
    4 bits: some CPUs pack the weights in a pass without gradients, and packed weights let no gradient through.
    """
    layer: Any
    for layer in model.modules():
        match type(layer).__name__:
            case "Linear8bitLt":
                layer.state.threshold = 0.0
            case "Linear4bit":
                layer.support_avx512bf16_for_cpu = False


def quantized_model(source: str, settings: ModelSettings) -> PreTrainedModel:
    """The model with the linear layers inside it in 8 bits (LLM.int8) or 4 bits (NF4); all else stays float32.

    Raises ModelError if bitsandbytes is not installed, or the checkpoint is quantised already.
    """
    where = f"model {settings.name}: model.quantization = {settings.quantization}"
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(f"{where} needs bitsandbytes: pip install bitsandbytes")
    if getattr(AutoConfig.from_pretrained(source), "quantization_config", None) is not None:
        raise ModelError(f"{where}, but the checkpoint is quantised already; leave model.quantization at none")
    config = BitsAndBytesConfig(
        load_in_8bit=settings.quantization == "8bit",
        load_in_4bit=settings.quantization == "4bit",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16 if settings.precision == "bf16" else torch.float32,
    )
    return whole_model(source, quantization_config=config)


def store_products_in_bf16(model: nn.Module) -> None:
    """Keep the weights of linear layers as autocast would cast them for every product: the same results bit for bit,
    without the casts, in half the memory. Embeddings and norms stay float32, also where the head shares its weight,
    and quantised weights stay as they are."""
    for module in model.modules():
        if isinstance(module, LINEAR) and _is_plain(module.weight):
            module.weight = nn.Parameter(module.weight.detach().bfloat16(), requires_grad=False)


def _is_plain(weight: torch.Tensor) -> bool:
    """Quantised weights have classes of their own, or a type that no product takes."""
    return type(weight) is nn.Parameter and weight.dtype == torch.float32

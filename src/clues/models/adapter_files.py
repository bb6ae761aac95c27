"""An adapter's folder in PEFT's format, read by one reader for all commands: nothing in it is believed unseen."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

from peft import LoraConfig, PeftConfig, load_peft_weights
from peft.utils import CONFIG_NAME
from torch import Tensor

from clues.errors import AdapterError


@dataclasses.dataclass(frozen=True)
class AdapterFiles:
    """What stands in a folder: the settings and the weights by PEFT's names."""

    config: PeftConfig
    state: dict[str, Tensor]

    @staticmethod
    def read(folder: Path) -> AdapterFiles:
        """Both, held against one another.

        Raises AdapterError for a folder without an adapter, settings that this PEFT does not know, a scaling that is
        not positive, a rank that is not that of the factors, and numbers that are not finite.
        """
        if not (folder / CONFIG_NAME).is_file():
            raise AdapterError(f"{folder}: no {CONFIG_NAME}; an adapter folder in PEFT's format is needed")
        try:
            given = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8-sig"))
            config = PeftConfig.from_pretrained(str(folder))
            state = load_peft_weights(str(folder), device="cpu")
        except Exception as error:  # JSON's, safetensors', pickle's and PEFT's own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise AdapterError(f"{folder}: not an adapter that can be read: {reason}") from error
        _check_known(config, given, folder)
        _check_finite(state, folder)
        if isinstance(config, LoraConfig):
            _check_scaling(config, folder)
        if isinstance(config, LoraConfig) and not config.target_parameters:
            _check_rank(config, state, folder)
        return AdapterFiles(config, state)


def made_for_another(config: PeftConfig, names: set[str]) -> str:
    """The base model that the adapter says it was trained on, where that is none of `names`; else empty."""
    base = config.base_model_name_or_path or ""
    return "" if not base or Path(base).name in {Path(name).name for name in names if name} else base


def _check_known(config: PeftConfig, given: Mapping[str, object], folder: Path) -> None:
    known = {field.name for field in dataclasses.fields(config)}
    unknown = sorted(name for name, value in given.items() if name not in known and value not in (None, False, {}, []))
    if unknown:
        raise AdapterError(
            f"{folder}: {CONFIG_NAME} sets {', '.join(unknown[:5])}, which this PEFT does not know: a newer one wrote "
            "it; install that (pip install --upgrade peft)"
        )


def _check_finite(state: Mapping[str, Tensor], folder: Path) -> None:
    odd = next((name for name, tensor in state.items() if not bool(tensor.isfinite().all())), None)
    if odd:
        raise AdapterError(f"{folder}: {odd} holds numbers that are not finite; train the adapter again")


def _check_scaling(config: LoraConfig, folder: Path) -> None:
    for alpha in (config.lora_alpha, *(config.alpha_pattern or {}).values()):
        if not alpha > 0:
            raise AdapterError(f"{folder}: lora_alpha = {alpha:g} in {CONFIG_NAME}; it must be above 0")


def _check_rank(config: LoraConfig, state: Mapping[str, Tensor], folder: Path) -> None:
    for name, tensor in state.items():
        if not name.endswith(("lora_A.weight", "lora_B.weight")) or tensor.dim() != 2:
            continue
        rank = tensor.shape[0 if name.endswith("lora_A.weight") else 1]
        if rank != (stated := _stated_rank(config, name)):
            raise AdapterError(
                f"{folder}: r = {stated} in {CONFIG_NAME}, but {name} has the rank {rank}: the settings are those of "
                "another adapter"
            )


def _stated_rank(config: LoraConfig, name: str) -> int:
    module = re.sub(r"\.lora_[AB]\.weight$", "", name)
    patterns = config.rank_pattern or {}
    return next((rank for key, rank in patterns.items() if re.match(rf".*(?:^|\.)(?:{key})$", module)), config.r)

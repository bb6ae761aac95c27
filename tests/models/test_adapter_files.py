"""Adapters are held against themselves before a number is made with them: the cases that people report."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from clues.collaboration.merge import merge_folders
from clues.config import ModelSettings
from clues.errors import AdapterError
from clues.models.adapters import load_adapter
from clues.models.base import LanguageModel
from tests.conftest import build_tiny_model, train_tokenizer

TOKENIZER = train_tokenizer()


def tiny() -> LanguageModel:
    return LanguageModel(build_tiny_model("llama", TOKENIZER), TOKENIZER, ModelSettings(name="models/base-1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    get_peft_model(tiny().model, config).save_pretrained(str(tmp_path / "adapter"))
    return stated(tmp_path / "adapter", base_model_name_or_path="elsewhere/base-1")


def stated(folder: Path, **settings: Any) -> Path:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return folder


def not_finite(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    state = load_file(file)
    state[sorted(state)[0]][0, 0] = float("nan")
    save_file(state, file)


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "rank": (lambda f: stated(f, r=16), "r = 16 in adapter_config.json, but .* has the rank 4"),
    "rank of a module": (lambda f: stated(f, rank_pattern={"q_proj": 2}), "r = 2 in .*q_proj.* has the rank 4"),
    "alpha 0": (lambda f: stated(f, lora_alpha=0), "lora_alpha = 0 in .* must be above 0"),
    "alpha negative": (lambda f: stated(f, lora_alpha=-8), "lora_alpha = -8 in .* must be above 0"),
    "alpha of a module": (lambda f: stated(f, alpha_pattern={"q_proj": -1}), "lora_alpha = -1 in .* above 0"),
    "not finite": (not_finite, "holds numbers that are not finite"),
    "a newer PEFT": (lambda f: stated(f, use_flora=True), "sets use_flora, which this PEFT does not know"),
    "no JSON": (lambda f: (f / "adapter_config.json").write_text("{"), "not an adapter that can be read"),
    "no weights": (lambda f: (f / "adapter_model.safetensors").write_bytes(b"x" * 40), "not an adapter that can be"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_adapter_is_refused_by_every_command_alike(folder, tmp_path, how):
    breaks, message = BROKEN[how]
    breaks(folder)
    with pytest.raises(AdapterError, match=f"adapter: .*{message}"):
        load_adapter(tiny(), folder)
    with pytest.raises(AdapterError, match=f"adapter: .*{message}"):
        merge_folders([folder], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_adapter_of_another_model_is_told(folder):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*made for")
        load_adapter(tiny(), folder)  # the same name under another path
        load_adapter(tiny(), stated(folder, base_model_name_or_path=None))
    stated(folder, base_model_name_or_path="meta-llama/Llama-3.2-1B")
    with pytest.warns(UserWarning, match=r"adapter: made for meta-llama/Llama-3.2-1B, used on models/base-1"):
        load_adapter(tiny(), folder)


def test_a_setting_that_a_newer_peft_leaves_off_is_no_obstacle(folder):
    assert torch.is_tensor(next(load_adapter(tiny(), stated(folder, use_flora=False, flora=None)).model.parameters()))

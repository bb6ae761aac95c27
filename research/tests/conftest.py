"""The tiny random model of the reproduction's tests."""

from __future__ import annotations

import pytest
import torch
from tests.conftest import build_tiny_model, pytest_collection_finish, train_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from clues.config import ModelSettings
from clues.data.pool import packaged_rows
from clues.models.base import LanguageModel

__all__ = ["pytest_collection_finish"]  # the hook works here, too


@pytest.fixture(scope="module")
def base() -> LanguageModel:
    tokenizer = train_tokenizer(tuple(row.response for row in packaged_rows()[:200]), 1500)  # fewer tokens a row
    config = build_tiny_model("llama", tokenizer).config
    assert isinstance(config, LlamaConfig)
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = 12, 16, 16  # a layer for every group
    torch.manual_seed(0)
    return LanguageModel(LlamaForCausalLM(config).eval(), tokenizer, ModelSettings(precision="float32"))

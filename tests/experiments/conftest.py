"""A world of a few rows and a tiny random model, for the reproduction."""

from __future__ import annotations

import pytest
import torch
from experiments.reproduction.worlds import World
from experiments.selection.mixtures import Mixture
from transformers import LlamaForCausalLM

from clues.config import ModelSettings, TrainingSettings
from clues.data.sample import packaged_rows
from clues.models.base import LanguageModel
from tests.conftest import build_tiny_model, train_tokenizer

TINY = World(
    "tiny",
    Mixture(
        unseen_source="", unseen_rows=0, bad_rows=0, typo_rows=0, heldback_rows=0, tokens=(30, 60), share=0.5,
        kinds=("cut", "deletion", "exchange"), rows_per_client=4, validation_rows=16, anchor_rows=12, test_rows=8,
        dealt_clients=2, client_shares=(0.75, 0.25),
    ),
    training=TrainingSettings(rounds=2, local_steps=1, batch_size=2, learning_rate=1e-2),
    checkpoint_round=1,
    choice_rows=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def base() -> LanguageModel:
    tokenizer = train_tokenizer(tuple(row.response for row in packaged_rows()[:200]), 1500)  # fewer tokens a row
    config = build_tiny_model("llama", tokenizer).config
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = 12, 16, 16  # a layer for every group
    torch.manual_seed(0)
    return LanguageModel(LlamaForCausalLM(config).eval(), tokenizer, ModelSettings(precision="float32"))

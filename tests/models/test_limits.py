"""A tokenizer larger than the embedding and rows longer than the positions are told before any pass."""

from __future__ import annotations

from typing import Any

import pytest

from clues.config import ModelSettings
from clues.errors import ModelError
from clues.models.base import LanguageModel
from clues.models.limits import check_fits
from tests.conftest import build_tiny_model, train_tokenizer

TOKENIZER = train_tokenizer()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_what_a_model_cannot_hold_is_told_with_what_to_do(kind):
    lm = LanguageModel(build_tiny_model(kind, TOKENIZER), TOKENIZER, ModelSettings(name="tiny"))
    model: Any = lm.model
    rows, positions = model.get_input_embeddings().weight.shape[0], model.config.max_position_embeddings
    check_fits(lm, rows - 1, positions)
    with pytest.raises(
        ModelError, match=f"tiny: the tokenizer gives the token {rows}, but the embedding has {rows} rows"
    ):
        check_fits(lm, rows, 1)
    with pytest.raises(ModelError, match=f"set model.max_length to {positions} or less"):
        check_fits(lm, 0, positions + 1)

"""What a model can hold: token ids within its embedding, rows within its positions. Told before any pass."""

from __future__ import annotations

from typing import Any

from clues.errors import ModelError
from clues.models.base import LanguageModel


def check_fits(lm: LanguageModel, largest_id: int, longest: int) -> None:
    """Raises ModelError where rows would make a pass fail, or read places that the model never saw.

    largest_id: of all tokens. longest: tokens of the longest row.
    """
    model: Any = lm.model
    name = lm.settings.name
    rows = int(model.get_input_embeddings().weight.shape[0])
    if largest_id >= rows:
        raise ModelError(
            f"model {name}: the tokenizer gives the token {largest_id}, but the embedding has {rows} rows: tokenizer "
            "and model do not belong together, or the embedding was not resized to the tokenizer"
        )
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions and longest > positions:
        raise ModelError(
            f"model {name} has {positions} positions, and a row has {longest} tokens: set model.max_length to "
            f"{positions} or less (--set model.max_length={positions})"
        )

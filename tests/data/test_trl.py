"""Ids and masks against TRL's training templates: equal but for what docs/LAYOUTS.md names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clues.data.encoding import encode
from clues.data.files.reading import read_rows
from clues.data.template import given_turn
from tests.data.test_encoding import LONG
from tests.helpers.families import FAMILIES

trl = pytest.importorskip("trl.chat_template_utils")

CASES = Path(__file__).parents[1] / "cases"
SHARED = ("a02", "a08", "a10", "a11", "a12", "a14", "a17", "a23", "a26")
"""Cases without turns that are context, of which TRL has none."""
TEMPLATES = {
    "qwen2_5": "qwen3",
    "qwen3": "qwen3",
    "qwen3_instruct_2507": "qwen3",
    "llama3": "llama3",
    "gemma3": "gemma3",
}
"""TRL's template -> the family with its control tokens."""


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("case", SHARED)
def test_ids_are_the_same_and_masks_but_for_white_space_and_empty_reasoning(name, case):
    tokenizer = FAMILIES[TEMPLATES[name]].tokenizer()
    for row in read_rows(CASES / f"{case}.jsonl")[0]:
        tokenizer.chat_template = getattr(trl, f"{name}_chat_template")
        ours = encode(row, tokenizer, LONG)
        tokenizer.chat_template = getattr(trl, f"{name}_training_chat_template")
        theirs: Any = tokenizer.apply_chat_template(
            [given_turn(message) for message in row.messages],
            tools=[dict(tool) for tool in row.tools] or None,
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        assert list(ours.input_ids) == theirs["input_ids"]
        pairs = list(zip(ours.input_ids, ours.response_mask, theirs["assistant_masks"], strict=True))
        assert not [i for i, mine, other in pairs if mine and not other]
        more = str(tokenizer.decode([i for i, mine, other in pairs if other and not mine]))
        assert "".join(more.split()) in ("", "<think></think>")

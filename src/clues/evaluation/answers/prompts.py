"""The prompts of test rows: token for token what stands before the response when a model is trained on the row."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clues.data.chat_template import render
from clues.data.encoding import Encoded
from clues.data.prepare import prepare
from clues.data.rows import Row, SetAside
from clues.errors import NoRowsError, SettingError
from clues.models.base import LanguageModel


@dataclass(frozen=True)
class Prompt:
    """All of a test row that stands before its last response."""

    row: Row
    tokens: tuple[int, ...]
    text: str
    """As the chat template writes it, earlier turns included."""

    @property
    def question(self) -> str:
        """The last user turn, as a person reads it; empty where there is none."""
        before = self.row.messages[: self._response]
        return next((m.content for m in reversed(before) if m.role == "user"), "")

    @property
    def reference(self) -> str:
        """The row's own last response."""
        return self.row.messages[self._response].text

    @property
    def _response(self) -> int:
        return max(i for i, message in enumerate(self.row.messages) if message.is_response)


@dataclass(frozen=True)
class Prompts:
    """The prompts of a test file, in its order, and what ends an answer to them."""

    usable: list[Prompt]
    ends: frozenset[int]
    """Ids of end tokens: the template's end of turn, the tokenizer's end of text, those that the checkpoint names."""
    set_aside: list[SetAside]
    max_new_tokens: int

    def with_room(self, pad_id: int) -> list[Encoded]:
        """Each prompt with masked padding in the place of its answer, so that batches are planned with it."""
        room, mask = (pad_id,) * self.max_new_tokens, (True,) * self.max_new_tokens
        return [Encoded(p.tokens + room, (False,) * len(p.tokens) + mask, (), (), False) for p in self.usable]


def prepare_prompts(
    file: Path,
    lm: LanguageModel,
    max_new_tokens: int,
    columns: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> Prompts:
    """The prompts of the first `limit` rows that have a question and a response (None: of all).

    A prompt that leaves no room for `max_new_tokens` within `model.max_length` tokens, or within the positions that
    the model knows, is set aside: cut, it would be another question.

    Raises NoRowsError if no prompt is left, SettingError for an impossible `max_new_tokens` or `limit`.
    """
    longest = _longest(lm)
    if not 0 < max_new_tokens < longest:
        raise SettingError(
            f"--max-new-tokens {max_new_tokens}: it must lie between 1 and {longest - 1}, for prompt and answer share "
            f"{longest} tokens (model.max_length, or what the model can hold)"
        )
    if limit is not None and limit < 1:
        raise SettingError(f"--limit {limit}: at least one row is needed")
    prepared = prepare(file, lm.tokenizer, sys.maxsize, columns)
    prompts = Prompts([], _ends(prepared.rows[0], lm), list(prepared.set_aside), max_new_tokens)
    for row, encoded in list(zip(prepared.rows, prepared.encoded, strict=True))[:limit]:
        tokens = prompt_tokens(encoded)
        if len(tokens) + max_new_tokens <= longest:
            prompts.usable.append(Prompt(row, tokens, _text(row, lm)))
            continue
        reason = (
            f"a prompt of {len(tokens)} tokens and an answer of up to {max_new_tokens} are more than {longest}: "
            "raise model.max_length (if the model can hold more) or lower --max-new-tokens"
        )
        prompts.set_aside.append(SetAside(row.file, row.line, reason, ""))
    if not prompts.usable:
        first = prompts.set_aside[len(prepared.set_aside)]
        raise NoRowsError(f"{file}: no prompt can be answered. The first, line {first.line}: {first.reason}")
    return prompts


def prompt_tokens(encoded: Encoded) -> tuple[int, ...]:
    """The tokens of an uncut row before its last response."""
    earlier = encoded.end_positions[-2] + 1 if len(encoded.end_positions) > 1 else 0
    return encoded.input_ids[: encoded.response_mask.index(True, earlier)]


def _text(row: Row, lm: LanguageModel) -> str:
    return render(row, lm.tokenizer).prompt


def _ends(row: Row, lm: LanguageModel) -> frozenset[int]:
    turns = render(row, lm.tokenizer).turns
    named: Any = getattr(lm.model.generation_config, "eos_token_id", None)
    ends = [lm.tokenizer.convert_tokens_to_ids(turns[-1].end), lm.tokenizer.eos_token_id]
    return frozenset(end for end in [*ends, *(named if isinstance(named, list) else [named])] if isinstance(end, int))


def _longest(lm: LanguageModel) -> int:
    """Tokens that a prompt and its answer may have together."""
    model: Any = lm.model
    known = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return min(lm.settings.max_length, known or sys.maxsize)

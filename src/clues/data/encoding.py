"""A row as tokens with its response mask, both built from the same pieces so that they cannot drift apart."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, TypeVar

from transformers import PreTrainedTokenizerBase

from clues.data.chat_template import Turn, render
from clues.data.control_tokens import StandIns, offset_tokens, tokens_of
from clues.data.rows import Row
from clues.errors import NoResponseToken

_T = TypeVar("_T")


@dataclass(frozen=True)
class Encoded:
    """A row of T tokens. The mask marks the *targets* of next-token prediction; the first token is never one."""

    input_ids: tuple[int, ...]
    response_mask: tuple[bool, ...]
    """True on the tokens of every response and its end-of-turn token."""
    end_positions: tuple[int, ...]
    """Indices of the end-of-turn tokens; a truncated response has none."""
    spans: tuple[tuple[int, int], ...]
    """Per response token its characters [start, end) in `row.response`; an end-of-turn token's span is empty.
    The tokens of one character share its span."""
    truncated: bool
    """Response tokens were lost at the end."""
    left_out: frozenset[str] = frozenset()
    """See `chat_template.Rendered`."""
    control_tokens: tuple[str, ...] = ()
    """Those that stand in the row's own texts, where they are text."""

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def response_places(self) -> list[int]:
        """Positions of the response tokens."""
        return [position for position, response in enumerate(self.response_mask) if response]


def encode(row: Row, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """Tokens of the conversation as the chat template writes it, cut at the end to `max_length` tokens.

    Every assistant turn is a response: its text, then its end-of-turn token (`eos_token` where the template has none).
    See `chat_template.render` for what stands around it, also without a template. The tokens of a response are those
    of its text alone: the same whatever the prompt is, and for `row.without_prompt()`.

    Raises NoResponseToken if no token of a response's text is left, ChatTemplateError if the template cannot write
    the row, ValueError if the tokenizer knows no character offsets.
    """
    if not tokenizer.is_fast:
        raise ValueError("the tokenizer knows no character offsets; load its fast version (use_fast=True)")
    rendered = render(row, tokenizer)
    stand_ins = rendered.stand_ins
    ids: list[int] = []
    mask: list[bool] = []
    ends: list[int] = []
    spans: list[tuple[int, int]] = []
    shift = 0
    for turn, response in zip(rendered.turns, row.responses, strict=True):
        _add_prompt(ids, mask, tokens_of(turn.before, stand_ins, tokenizer))
        tokens, offsets = _response_tokens(turn, stand_ins, tokenizer, len(response))
        ids += tokens
        mask += [True] * len(tokens)
        spans += [(shift + start, shift + end) for start, end in offsets]
        ends.append(len(ids) - 1)
        shift += len(response) + len("\n\n")
    _add_prompt(ids, mask, tokens_of(rendered.rest, stand_ins, tokenizer))
    notes = (rendered.left_out, tuple(stand_ins.of))
    return _cut(Encoded(tuple(ids), tuple(mask), tuple(ends), tuple(spans), False, *notes), max_length, row)


def _add_prompt(ids: list[int], mask: list[bool], tokens: list[int]) -> None:
    ids += tokens
    mask += [False] * len(tokens)


def _response_tokens(
    turn: Turn, stand_ins: StandIns, tokenizer: PreTrainedTokenizerBase, length: int
) -> tuple[list[int], list[tuple[int, int]]]:
    """Ids of a response and its end token, and their characters in the response of `length` characters."""
    ids, marks = offset_tokens(turn.text, stand_ins, tokenizer)
    offsets = turn.places.spans(marks)  # white space before the end token is not the response's
    end_ids: Any = tokenizer.convert_tokens_to_ids([turn.end])
    return [*ids, *end_ids], [*offsets, (length, length)]


def _cut(whole: Encoded, max_length: int, row: Row) -> Encoded:
    mask = whole.response_mask[:max_length]
    ends = tuple(end for end in whole.end_positions if end < max_length)
    kept = sum(mask)
    if kept == len(ends):
        why = f"the first {max_length} tokens are all prompt" if len(whole) > max_length else "the response is empty"
        raise NoResponseToken(f"{row.file}:{row.line}: no response token is left: {why}")
    return Encoded(
        tuple(map(_one, whole.input_ids[:max_length])),
        mask,
        ends,
        tuple(map(_one, whole.spans[:kept])),
        kept < len(whole.spans),
        whole.left_out,
        whole.control_tokens,
    )


@functools.cache
def _one(value: _T) -> _T:
    """One object for all equal ids and spans: a file's tokens then take 26 bytes each in memory, not 127."""
    return value

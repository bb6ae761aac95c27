"""Control tokens that stand in texts, such as `<|im_end|>` in a prompt: they stay text, and never end a turn.

Before a conversation is rendered, each special token of the tokenizer that stands in one of its texts is replaced by a
character of its own (a *stand-in*). In the rendering, the template's own control tokens and those of the texts can so
be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from transformers import PreTrainedTokenizerBase

from clues.data.rows import Message, Row

FIRST_STAND_IN = 0xF0000
"""Of a plane of Unicode that is for private use."""


@dataclass(frozen=True)
class ControlTokens:
    """The special tokens of a tokenizer, as texts."""

    tokens: tuple[str, ...]

    @staticmethod
    def of(tokenizer: PreTrainedTokenizerBase) -> ControlTokens:
        """Those that the tokenizer never takes apart, the longest first."""
        key = tuple(token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
        known = _KNOWN.get(tokenizer)
        if known is None or known[0] != key:
            named = (token for token in key if token.strip())
            known = (key, ControlTokens(tuple(sorted(named, key=len, reverse=True))))
            _KNOWN[tokenizer] = known
        return known[1]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds them in a text."""
        return re.compile("|".join(map(re.escape, self.tokens)) or "(?!)")

    def found_in(self, row: Row) -> tuple[str, ...]:
        """Those that stand in the row's texts, each once."""
        texts = [part for m in row.messages for part in (m.content, m.reasoning, m.name, m.tool_call_id)]
        texts += _texts([[m.tool_calls for m in row.messages if m.tool_calls], row.tools, row.template_args])
        return tuple(dict.fromkeys(token for text in texts for token in self.pattern.findall(text)))


_KNOWN: WeakKeyDictionary[PreTrainedTokenizerBase, tuple[tuple[str, ...], ControlTokens]] = WeakKeyDictionary()


@dataclass(frozen=True)
class StandIns:
    """The control tokens of one row's texts, each with its stand-in; none for nearly every row."""

    of: Mapping[str, str]

    @staticmethod
    def for_row(row: Row, tokenizer: PreTrainedTokenizerBase) -> StandIns:
        """Characters that stand nowhere in the row."""
        found = ControlTokens.of(tokenizer).found_in(row)
        if not found:
            return NONE
        texts = "".join(_texts([[m.text for m in row.messages], row.tools, row.template_args]))
        free = (character for code in count(FIRST_STAND_IN) if (character := chr(code)) not in texts)
        return StandIns(dict(zip(found, free, strict=False)))

    def put(self, row: Row) -> Row:
        """The row with stand-ins in all its texts."""
        if not self.of:
            return row
        messages = tuple(self._put_into(message) for message in row.messages)
        return replace(row, messages=messages, tools=self._put(row.tools), template_args=self._put(row.template_args))

    def _put_into(self, message: Message) -> Message:
        changed = {name: self._put(getattr(message, name)) for name in ("content", "reasoning", "name", "tool_call_id")}
        return replace(message, **changed, tool_calls=self._put(message.tool_calls))

    def _put(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._pattern.sub(lambda match: self.of[match[0]], value)
        if isinstance(value, Mapping):
            return {self._put(key): self._put(item) for key, item in value.items()}
        return type(value)(map(self._put, value)) if isinstance(value, list | tuple) else value

    def back(self, text: str) -> str:
        """The text as it was."""
        for token, stand_in in self.of.items():
            text = text.replace(stand_in, token)
        return text

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, sorted(self.of, key=len, reverse=True))))


NONE = StandIns({})


def tokens_of(text: str, stand_ins: StandIns, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids of a rendered text, in which only what the template wrote is a control token."""
    if not stand_ins.of:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return offset_tokens(text, stand_ins, tokenizer)[0]


def offset_tokens(
    text: str, stand_ins: StandIns, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[int], list[tuple[int, int]]]:
    """The same with each token's characters [start, end) in the text as it was, without stand-ins.

    A text without stand-ins is tokenized as a whole. Else its pieces between the template's control tokens are, as
    plain text: special tokens part a text before anything else looks at it.
    """
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    shift = 0
    for piece, plain in _pieces(text, stand_ins, ControlTokens.of(tokenizer)):
        given = tokenizer(piece, add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=plain)
        ids += given["input_ids"]
        offsets += [(shift + start, shift + end) for start, end in given["offset_mapping"]]
        shift += len(piece)
    return ids, offsets


def _pieces(text: str, stand_ins: StandIns, control: ControlTokens) -> list[tuple[str, bool]]:
    """What is tokenized at once, as it was, and whether it is plain text."""
    if not any(stand_in in text for stand_in in stand_ins.of.values()):
        return [(text, False)]
    pieces = (piece for piece in re.split(f"({control.pattern.pattern})", text) if piece)
    return [(stand_ins.back(piece), control.pattern.fullmatch(piece) is None) for piece in pieces]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list | tuple) else []

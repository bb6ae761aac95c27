"""The first row as the model sees it: its text, its tokens, and which of them are the response that is scored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from clues.cli.text.safe import safe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from clues.data.encoding import Encoded
    from clues.data.rows import Row

OPEN, CLOSE, BETWEEN = "⟦", "⟧", "·"
MOST = 2000
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class Part:
    """A piece of the row's text."""

    response: bool
    text: str


@dataclass(frozen=True)
class FirstRow:
    """A row as tokens; `parts` are its text in order."""

    line: int
    parts: list[Part]
    input_ids: list[int]
    response_mask: list[bool]
    truncated: bool


def first_row(row: Row, encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> FirstRow:
    """The row as the model sees it."""
    ids, mask = list(encoded.input_ids), list(encoded.response_mask)
    groups = groupby(zip(ids, mask, strict=True), key=lambda pair: pair[1])
    parts = [Part(response, _decoded([i for i, _ in run], tokenizer)) for response, run in groups]
    return FirstRow(row.line, parts, ids, mask, encoded.truncated)


def first_row_text(first: FirstRow, tokenizer: PreTrainedTokenizerBase | None = None) -> str:
    """For a person; with the tokenizer also token by token."""
    ids, mask = first.input_ids, first.response_mask
    whole = "".join(_marked(part.text, part.response) for part in first.parts)
    cut = ", truncated" if first.truncated else ""
    shown = [
        f"first row (line {first.line}), the response between {OPEN} and {CLOSE}:",
        indented(whole),
        f"  {len(ids)} tokens{cut}, {sum(mask)} of them response with its end of turn",
    ]
    if tokenizer is not None:
        groups = groupby(zip(ids, mask, strict=True), key=lambda pair: pair[1])
        runs = [_marked(BETWEEN.join(_decoded([i], tokenizer) for i, _ in run), scored) for scored, run in groups]
        shown += [f"token by token, {BETWEEN} between them:", indented(BETWEEN.join(runs).replace("\n", "\\n"))]
    return "\n".join(shown)


def _marked(text: str, response: bool) -> str:
    return f"{OPEN}{text}{CLOSE}" if response else text


def _decoded(ids: list[int], tokenizer: PreTrainedTokenizerBase) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def indented(text: str) -> str:
    """The text two spaces in; control characters, which could steer the terminal, by their code."""
    plain = safe(text)
    more = f" … ({len(plain) - MOST} more characters)" if len(plain) > MOST else ""
    return "\n".join(f"  {line}" for line in (plain[:MOST] + more).rstrip("\n").split("\n"))

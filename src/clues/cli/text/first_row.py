"""The first row as the model sees it: its text, its tokens, and which of them are the response that is scored."""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from clues.data.encoding import Encoded
    from clues.data.rows import Row

OPEN, CLOSE, BETWEEN = "⟦", "⟧", "·"
MOST = 2000
"""Characters of a text that are shown."""


def first_row_facts(row: Row, encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """For a program: `parts` are texts with whether they are response, in order."""
    mask = encoded.response_mask
    groups = groupby(zip(encoded.input_ids, mask, strict=True), key=lambda pair: pair[1])
    parts = [{"response": response, "text": _decoded([i for i, _ in ids], tokenizer)} for response, ids in groups]
    return {
        "line": row.line,
        "parts": parts,
        "input_ids": list(encoded.input_ids),
        "response_mask": list(mask),
        "truncated": encoded.truncated,
    }


def first_row_text(facts: dict[str, Any], tokenizer: PreTrainedTokenizerBase | None = None) -> str:
    """For a person; with the tokenizer also token by token."""
    ids, mask = facts["input_ids"], facts["response_mask"]
    whole = "".join(_marked(part["text"], part["response"]) for part in facts["parts"])
    cut = ", truncated" if facts["truncated"] else ""
    shown = [
        f"first row (line {facts['line']}), the response between {OPEN} and {CLOSE}:",
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
    safe = "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else f"\\x{ord(c):02x}" for c in text)
    more = f" … ({len(safe) - MOST} more characters)" if len(safe) > MOST else ""
    return "\n".join(f"  {line}" for line in (safe[:MOST] + more).rstrip("\n").split("\n"))

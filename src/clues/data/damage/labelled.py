"""The label that damage leaves in a row's record, and the spoiled texts wherever the record holds the old ones."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clues.data.files.values import parsed
from clues.data.rows import Row

LABEL = "clues_label"
"""Field of the record that says `clean` or the kind of damage. Only `clues.evaluation` reads it."""

_PROMPT_FIELDS = ("prompt", "question", "instruction", "input")


def clean_row(row: Row) -> Row:
    """The row as it is, labelled so."""
    return replace(row, record={**row.record, LABEL: "clean"})


def spoiled_row(row: Row, responses: Sequence[str], label: str) -> Row:
    """The row with other responses, in its messages and in whichever fields of its record hold the old ones."""
    new: dict[str, list[str]] = defaultdict(list)
    for old, text in zip(row.responses, responses, strict=True):
        new[old.strip()].append(text)
    record = _renewed(row.record, new)
    if record == row.record:
        raise ValueError(f"{row.file}:{row.line}: no field holds the row's answer; there are {', '.join(row.record)}")
    return replace(row.with_responses(responses), record={**record, LABEL: label})


def _renewed(value: Any, new: dict[str, list[str]]) -> Any:
    """A copy of a record, or of a part of it, with new texts for old ones; prompts are left alone."""
    if isinstance(value, str) and value.strip() in new:
        texts = new[value.strip()]  # several where a conversation gives the same response twice: used in order
        return texts.pop(0) if len(texts) > 1 else texts[0]
    if isinstance(value, str) and isinstance(turns := parsed(value), list):  # messages in a cell of a table
        renewed = _renewed(turns, new)
        return value if renewed == turns else json.dumps(renewed, ensure_ascii=False)
    if isinstance(value, list):
        return [_renewed(item, new) for item in value]
    if isinstance(value, dict) and value.get("role", value.get("from")) not in ("user", "human", "system"):
        return {key: item if key in _PROMPT_FIELDS else _renewed(item, new) for key, item in value.items()}
    return value

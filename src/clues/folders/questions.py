"""What an owner's folder keeps of the public rows and of its own: questions.json and inputs.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Questions:
    """questions.json: the prompts of the public validation rows, which rows to come are read under too."""

    questions: tuple[str, ...]


@dataclass(frozen=True)
class Pins:
    """inputs.json: which rows a folder was begun with."""

    rows: Mapping[str, str]
    """Part -> key of its tokens."""

"""What an owner's folder keeps of its own rows: inputs.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pins:
    """inputs.json: which rows a folder was begun with."""

    rows: Mapping[str, str]
    """Part -> key of its tokens."""

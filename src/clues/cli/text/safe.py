"""Text of users on a terminal: nothing in it may steer the terminal, and no piece of it may fill the screen."""

from __future__ import annotations

import re

LONGEST = 300
"""Characters of a reason or a name."""
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Controls but for the line break and the tab, and what turns the direction of writing."""


def safe(text: str) -> str:
    """The text with what could steer a terminal by its code."""
    return _STEERS.sub(lambda match: _code(ord(match[0])), text)


def cut(text: str) -> str:
    """The text without what is too long of it."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"


def _code(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"

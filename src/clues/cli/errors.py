"""How errors end a command: those that a person can do something about in one line on stderr, never a traceback."""

from __future__ import annotations

from clues.errors import CluesError

DONE, GATE, WRONG_USE, FAULT, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes. GATE: a gate that was asked for (`--fail-over`) failed. FAULT: one of clues itself, with a traceback."""

LONGEST = 2000
"""Characters of an error, which may quote what users write."""

EXPECTED = (OSError, CluesError)
"""The system's own (no such file, disk full), and ours."""


def one_line(error: BaseException) -> str:
    """What happened, where, and what to do, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"

"""Before and after, to be read: what every model wrote to the same question, below one another (the paper, Table 8)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from clues.disk.writing import write_text
from clues.evaluation.answers.answer import BASE, Answer, pair_answers

_MARKUP = re.compile(r"([\\`*_\[\]<>&#|~!$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""Everywhere in a text; `:`, `.` and `@` where a viewer would make a link of a bare address."""
_AT_START = re.compile(r"[0-9]+(?=[.)](\s|$))|(?=[-+=:])")
"""Of a line: what stands before the sign that would begin a list, a heading, a rule or a table."""


def write_pairs(models: Mapping[str, Sequence[Answer]], file: Path) -> None:
    """Write the answers of the base and of the others as Markdown, a question after the other.

    Nothing in a text is markup or HTML to a viewer: a row can neither load a picture nor run a script, and no control
    character of it reaches a terminal.

    Raises AnswersError unless all models answered the same prompts.
    """
    base = models[BASE]
    paired = {name: [answer for _, answer in pair_answers(base, answers)] for name, answers in models.items()}
    parts = [f"# Answers of {len(paired)} models to {len(base)} questions\n"]
    for i, first in enumerate(base):
        parts.append(f"## {i + 1}. Row {_escaped(first.id)}\n")
        parts.append(_quoted("Question", first.prompt))
        parts.append(_quoted("Reference", first.reference))
        for name, answers in paired.items():
            cut = "" if answers[i].stopped else f" (stopped after {answers[i].tokens} tokens, the limit)"
            parts.append(_quoted(f"{_escaped(name)}{cut}", answers[i].answer))
    write_text("\n".join(parts), file)


def _quoted(heading: str, text: str) -> str:
    lines = _escaped(text.strip()).split("\n") if text.strip() else ["(nothing)"]
    return "\n".join([f"**{heading}**\n", *(f"> {_begun(line.strip())}  " for line in lines), ""])


def _begun(line: str) -> str:
    start = _AT_START.match(line)
    return f"{start[0]}\\{line[start.end() :]}" if start else line


def _escaped(text: str) -> str:
    safe = (c if c == "\n" or unicodedata.category(c) != "Cc" else " " for c in text.expandtabs(4))
    return _MARKUP.sub(r"\\\1", "".join(safe))

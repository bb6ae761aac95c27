"""Whether a file can be used: what was counted in it, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.text.words import count, listed

if TYPE_CHECKING:
    from clues.data.overlap import Match, Overlap
    from clues.data.prepare import Prepared

MOST_LINES = 20
"""Set-aside records that a person is shown; a program gets all."""


@dataclass(frozen=True)
class Usable:
    """What was counted in a file, and the lines behind it."""

    file: str
    rows: int
    set_aside: list[Aside]
    duplicates: list[list[int]]
    """Lines with the same row."""
    truncated: list[int]
    """Lines."""
    tokens: int
    longest: int
    """Tokens of the longest row."""
    overlap: Mapping[str, Mapping[str, int]]
    """Public set -> kind -> rows."""
    matches: list[Match]


@dataclass(frozen=True)
class Aside:
    """A record that cannot be used."""

    line: int
    reason: str


def usable(file: Path, prepared: Prepared, shared: Overlap) -> Usable:
    """Of a file that was read, and what it shares with public sets."""
    from clues.data.overlap import duplicates

    lines = [row.line for row in prepared.rows]
    lengths = [len(encoded) for encoded in prepared.encoded]
    return Usable(
        file=str(file),
        rows=len(prepared.rows),
        set_aside=[Aside(item.line, item.reason) for item in prepared.set_aside],
        duplicates=[[lines[i] for i in group] for group in duplicates(prepared.rows)],
        truncated=[line for line, encoded in zip(lines, prepared.encoded, strict=True) if encoded.truncated],
        tokens=sum(lengths),
        longest=max(lengths),
        overlap=shared.counts,
        matches=list(shared.matches),
    )


def usable_text(found: Usable, max_length: int) -> str:
    """The same in words; what needs attention with its lines."""
    aside = found.set_aside
    lines = [
        f"{found.file}: {count(found.rows, 'usable row')}, {len(aside)} set aside",
        f"  {count(found.tokens, 'token')}, the longest row {found.longest:,}",
    ]
    lines += [f"  line {item.line}: {item.reason}" for item in aside[:MOST_LINES]]
    if len(aside) > MOST_LINES:
        reasons = Counter(item.reason for item in aside[MOST_LINES:]).most_common(3)
        lines.append(f"  and {len(aside) - MOST_LINES} more: {listed([f'{n} {reason}' for reason, n in reasons])}, …")
    lines += [f"  the same row stands on lines {listed([str(n) for n in group])}" for group in found.duplicates]
    if found.truncated:
        where = ", ".join(map(str, found.truncated[:MOST_LINES]))
        rows = count(len(found.truncated), "row")
        lines.append(f"  truncated at model.max_length = {max_length}: {rows} (line {where})")
    for name, kinds in found.overlap.items():
        shared = listed([f"{n} {KINDS[kind]}" for kind, n in kinds.items() if n])
        lines.append(f"  in common with {name}: {shared or 'nothing'}")
    return "\n".join(lines)


KINDS = {
    "exact": "with the same answer",
    "near": "with nearly the same answer",
    "prompt": "with the same question and another answer",
}

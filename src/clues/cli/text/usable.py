"""Whether a file can be used: what was counted in it, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.text.safe import cut
from clues.cli.text.words import count, listed

if TYPE_CHECKING:
    from clues.data.census import Census
    from clues.data.overlap import Match
    from clues.data.remarks import Remark

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
    layouts: Mapping[str, int]
    """Layout of the records -> rows that were read so."""
    remarks: list[Remark]
    """What must be known of how the rows, and the public rows beside them, were read."""


@dataclass(frozen=True)
class Aside:
    """A record that cannot be used."""

    line: int
    reason: str


def usable(file: Path, census: Census, public: Sequence[str] = (), remarks: Sequence[Remark] = ()) -> Usable:
    """Of a file that was looked through beside public sets of these names; `remarks` are those on the sets."""
    found = Counter((match.public, match.kind) for match in census.matches)
    return Usable(
        file=str(file),
        rows=census.rows,
        set_aside=[Aside(item.line, item.reason) for item in census.set_aside],
        duplicates=census.duplicates,
        truncated=census.truncated,
        tokens=census.tokens,
        longest=census.longest,
        overlap={name: {kind: found[name, kind] for kind in KINDS} for name in public},
        matches=census.matches,
        layouts=dict(census.layouts),
        remarks=[*census.remarks, *remarks],
    )


def usable_text(found: Usable, max_length: int) -> str:
    """The same in words; what needs attention with its lines."""
    aside = found.set_aside
    lines = [
        f"{found.file}: {count(found.rows, 'usable row')}, {len(aside)} set aside",
        f"  {count(found.tokens, 'token')}, the longest row {found.longest:,}",
        f"  read as {listed([f'{name} ({n:,})' for name, n in found.layouts.items()])}",
    ]
    lines += [f"  {remark.said}" for remark in found.remarks]
    lines += [f"  line {item.line}: {cut(item.reason)}" for item in aside[:MOST_LINES]]
    if len(aside) > MOST_LINES:
        reasons = Counter(cut(item.reason) for item in aside[MOST_LINES:]).most_common(3)
        lines.append(f"  and {len(aside) - MOST_LINES} more: {listed([f'{n} {reason}' for reason, n in reasons])}, …")
    lines += _duplicate_lines(found.duplicates)
    if found.truncated:
        rows = count(len(found.truncated), "row")
        lines.append(f"  truncated at model.max_length = {max_length}: {rows} (line {_some(found.truncated)})")
    for name, kinds in found.overlap.items():
        lines.append(f"  in common with {name}: {in_common(kinds) or 'nothing'}")
    return "\n".join(lines)


def _duplicate_lines(groups: Sequence[Sequence[int]]) -> list[str]:
    lines = [
        f"  the same row stands on lines {_some(group) if len(group) > MOST_LINES else listed([str(n) for n in group])}"
        for group in groups[:MOST_LINES]
    ]
    if more := groups[MOST_LINES:]:
        lines.append(f"  and {count(len(more), 'row')} more that stand on {sum(map(len, more)):,} lines")
    return lines


def in_common(kinds: Mapping[str, int]) -> str:
    """What rows share with a public set, in words; empty if nothing."""
    return listed([f"{n:,} {KINDS[kind]}" for kind, n in kinds.items() if n])


def _some(numbers: Sequence[int]) -> str:
    """The first of them, and how many more there are."""
    more = f", … ({len(numbers) - MOST_LINES:,} more)" if len(numbers) > MOST_LINES else ""
    return ", ".join(map(str, numbers[:MOST_LINES])) + more


KINDS = {
    "exact": "with the same answer",
    "near": "with nearly the same answer",
    "prompt": "with the same question and another answer",
}

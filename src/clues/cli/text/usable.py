"""Whether a file can be used: what was counted in it, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.cli.text.words import count, listed

if TYPE_CHECKING:
    from clues.data.overlap import Overlap
    from clues.data.prepare import Prepared

MOST_LINES = 20
"""Set-aside records that a person is shown; a program gets all."""


def file_facts(file: Path, prepared: Prepared, shared: Overlap) -> dict[str, Any]:
    """Counts, and the lines behind them."""
    from clues.data.overlap import duplicates

    lines = [row.line for row in prepared.rows]
    return {
        "file": str(file),
        "rows": len(prepared.rows),
        "set_aside": [{"line": item.line, "reason": item.reason} for item in prepared.set_aside],
        "duplicates": [[lines[i] for i in group] for group in duplicates(prepared.rows)],
        "truncated": [line for line, encoded in zip(lines, prepared.encoded, strict=True) if encoded.truncated],
        "tokens": sum(map(len, prepared.encoded)),
        "longest": max(map(len, prepared.encoded)),
        "overlap": shared.counts,
        "matches": [{"row": m.row, "public": m.public, "line": m.line, "kind": m.kind} for m in shared.matches],
    }


def file_text(facts: dict[str, Any], max_length: int) -> str:
    """The same in words; what needs attention with its lines."""
    aside = facts["set_aside"]
    lines = [
        f"{facts['file']}: {count(facts['rows'], 'usable row')}, {len(aside)} set aside",
        f"  {count(facts['tokens'], 'token')}, the longest row {facts['longest']:,}",
    ]
    lines += [f"  line {item['line']}: {item['reason']}" for item in aside[:MOST_LINES]]
    if len(aside) > MOST_LINES:
        reasons = Counter(item["reason"] for item in aside[MOST_LINES:]).most_common(3)
        lines.append(f"  and {len(aside) - MOST_LINES} more: {listed([f'{n} {reason}' for reason, n in reasons])}, …")
    lines += [f"  the same row stands on lines {listed([str(n) for n in group])}" for group in facts["duplicates"]]
    if facts["truncated"]:
        where = ", ".join(map(str, facts["truncated"][:MOST_LINES]))
        lines.append(
            f"  truncated at model.max_length = {max_length}: {count(len(facts['truncated']), 'row')} (line {where})"
        )
    for name, kinds in facts["overlap"].items():
        found = listed([f"{n} {KINDS[kind]}" for kind, n in kinds.items() if n])
        lines.append(f"  in common with {name}: {found or 'nothing'}")
    return "\n".join(lines)


KINDS = {
    "exact": "with the same answer",
    "near": "with nearly the same answer",
    "prompt": "with the same question and another answer",
}

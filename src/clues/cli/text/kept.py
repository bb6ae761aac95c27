"""What became of an owner's rows, as `score` and `select` tell it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.cli.text.words import count, faults

if TYPE_CHECKING:
    from clues.folders.summary import Decisions


def kept_facts(folder: Path, decisions: Decisions) -> dict[str, Any]:
    """Counts, the rule, what to know before trusting them, and where the files are."""
    from clues.folders.files import to_json
    from clues.folders.owner import OwnerFolder
    from clues.report.groups import group_warnings

    own = OwnerFolder(folder)
    about, groups = to_json(own.client.read()), own.groups.read_if_there()
    told = ("rule", "alpha", "q", "ratio", "score", "anchors", "duplicates", "truncated", "overlap", "warnings")
    return {
        **asdict(decisions),
        **{name: about[name] for name in told},
        "group_warnings": group_warnings(groups) if groups else [],
        "kept_file": str(own.kept_file()),
        "report": str(own.page),
    }


def kept_text(folder: Path, facts: dict[str, Any]) -> str:
    """The same for a person."""
    reasons = facts["reasons"]
    why = f": {faults(reasons)}" if reasons else ""
    lines = [
        f"{facts['kept']:,} of {count(facts['rows'], 'row')} kept, {facts['dropped']:,} dropped{why}",
        f"rule {facts['rule']} against {count(facts['anchors'], 'anchor')}",
    ]
    if facts["set_aside"]:
        lines.append(f"{count(facts['set_aside'], 'record')} set aside, see {folder / 'set_aside.jsonl'}")
    lines += [f"note: {caution['text']}" for caution in facts["warnings"]]
    lines += [f"warning: {text}".replace("\u00a0", " ") for text in facts["group_warnings"]]
    lines += [f"kept    {facts['kept_file']}", f"report  {facts['report']}"]
    return "\n".join(lines)

"""What became of an owner's rows, as `score` and `select` tell it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.cli.text.words import count, faults
from clues.disk.reading import read_json, read_json_if_there

if TYPE_CHECKING:
    from clues.owner.decide import Verdict

PAGE = "report.html"


def kept_facts(folder: Path, verdict: Verdict) -> dict[str, Any]:
    """Counts, the rule, what to know before trusting them, and where the files are."""
    from clues.report.groups import group_warnings

    about = read_json(folder / "client.json")
    kept = next(file for file in sorted(folder.iterdir()) if file.name.split(".")[0] == "kept")
    told = ("rule", "alpha", "q", "ratio", "score", "anchors", "duplicates", "truncated", "overlap", "warnings")
    return {
        **asdict(verdict),
        **{name: about[name] for name in told},
        "group_warnings": group_warnings(read_json_if_there(folder / "groups.json")),
        "kept_file": str(kept),
        "report": str(folder / PAGE),
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

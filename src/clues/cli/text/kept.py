"""What became of an owner's rows, as `score` and `select` tell it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import Facts
from clues.cli.text.words import count, faults

if TYPE_CHECKING:
    from clues.folders.summary import ClientSummary


FIRST = ("criterion-blind", "not-judged")
"""Cautions that stand before the counts, which would be misread without them."""


@dataclass(frozen=True)
class Kept:
    """A folder's summary, what is to be known of its groups, and where its files are."""

    summary: ClientSummary
    group_warnings: list[str]
    kept_file: str
    report: str

    @staticmethod
    def read(folder: Path) -> Kept:
        """From a folder whose rows were decided on."""
        from clues.folders.owner import OwnerFolder
        from clues.report.groups import group_warnings

        own = OwnerFolder(folder)
        groups = own.groups.read_if_there()
        warned = group_warnings(groups) if groups else []
        return Kept(own.client.read(), warned, str(own.kept_file()), str(own.page))

    @property
    def facts(self) -> Facts:
        """For a program: all on one level."""
        told = self.summary
        return {
            **asdict(told.decisions),
            **asdict(told.settings),
            "anchors": told.anchors,
            "duplicates": told.duplicates,
            "truncated": told.truncated,
            "overlap": told.origin.overlap,
            "warnings": [asdict(caution) for caution in told.warnings],
            "group_warnings": self.group_warnings,
            "kept_file": self.kept_file,
            "report": self.report,
        }


def kept_text(folder: Path, found: Kept) -> str:
    """For a person."""
    told = found.summary.decisions
    why = f": {faults(told.reasons)}" if told.reasons else ""
    lines = [caution.text for caution in found.summary.warnings if caution.code in FIRST]
    lines += [
        f"{told.kept:,} of {count(told.rows, 'row')} kept, {told.dropped:,} dropped{why}",
        f"rule {found.summary.settings.rule} against {count(found.summary.anchors, 'anchor')}",
    ]
    if told.set_aside:
        lines.append(f"{count(told.set_aside, 'record')} set aside, see {folder / 'set_aside.jsonl'}")
    lines += [f"note: {caution.text}" for caution in found.summary.warnings if caution.code not in FIRST]
    lines += [f"warning: {text}".replace("\u00a0", " ") for text in found.group_warnings]
    lines += [f"kept    {found.kept_file}", f"report  {found.report}"]
    return "\n".join(lines)

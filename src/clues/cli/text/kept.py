"""What became of an owner's rows, as `score` and `select` tell it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import Facts
from clues.cli.text.usable import in_common
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
    kept_in_part: int = 0
    """Kept rows of which only the beginning was read."""

    @staticmethod
    def read(folder: Path) -> Kept:
        """From a folder whose rows were decided on."""
        from clues.folders.owner import OwnerFolder
        from clues.report.groups import group_warnings

        own = OwnerFolder(folder)
        groups = own.groups.read_if_there()
        warned = group_warnings(groups) if groups else []
        scores = own.scores.read()
        in_part = int((scores["truncated"].astype(bool) & scores.keep).sum())
        return Kept(own.client.read(), warned, str(own.kept_file()), str(own.page), in_part)

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
            "kept_in_part": self.kept_in_part,
            "remarks": [asdict(remark) for remark in told.origin.remarks],
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
    in_part = f" ({found.kept_in_part:,} of them read in part)" if found.kept_in_part else ""
    lines = [caution.text for caution in found.summary.warnings if caution.code in FIRST]
    lines += [
        f"{told.kept:,} of {count(told.rows, 'row')} kept{in_part}, {told.dropped:,} dropped{why}",
        f"rule {found.summary.settings.rule} against {count(found.summary.anchors, 'anchor')}",
    ]
    if found.summary.truncated:
        lines.append(f"{count(found.summary.truncated, 'row')} longer than the model reads, and read in part")
    if found.summary.duplicates:
        lines.append(f"{count(found.summary.duplicates, 'row')} the same as an earlier one, word for word")
    for name, kinds in found.summary.origin.overlap.items():
        if said := in_common(kinds):
            lines.append(f"in common with {name}: {said}")
    if told.set_aside:
        lines.append(f"{count(told.set_aside, 'record')} set aside, see {folder / 'set_aside.jsonl'}")
    lines += [f"note: {remark.said}" for remark in found.summary.origin.remarks]
    lines += [f"note: {caution.text}" for caution in found.summary.warnings if caution.code not in FIRST]
    lines += [f"warning: {text}".replace("\u00a0", " ") for text in found.group_warnings]
    lines += [f"kept    {found.kept_file}", f"report  {found.report}"]
    return "\n".join(lines)

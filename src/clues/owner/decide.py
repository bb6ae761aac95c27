"""What becomes of one owner's rows: scores against the bar, the owner's own decisions, and the files that stay with
him."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from clues.config import SelectionSettings
from clues.data.files.reading import open_data_set
from clues.data.files.writing import write_rows
from clues.data.rows import Row
from clues.folders.bar import StoredBar
from clues.folders.decisions import DECISIONS, DroppedRow
from clues.folders.owner import OwnerFolder
from clues.folders.summary import ClientSummary, Decisions, Origin
from clues.owner.scored_rows import ScoredRows
from clues.scoring.criteria import OWNER
from clues.selection.bar import Bar
from clues.selection.cautions import about_kinds
from clues.selection.groups import by_groups
from clues.selection.select import Selection, select


def decide(folder: OwnerFolder, scored: ScoredRows, bar: Bar, settings: SelectionSettings, origin: Origin) -> Decisions:
    """Select, and write scores.parquet, kept and dropped rows, set_aside.jsonl, and anchors, groups and client.json.

    `decisions.jsonl` in the folder, if there is one, overrides the rule. No model is needed: selecting again costs
    seconds.
    """
    selection = select(scored.channels, bar, settings)
    own = folder.decisions.read([row.id for row in scored.rows])
    keep = np.array([DECISIONS.get(d, k) for d, k in zip(own, selection.keep.tolist(), strict=True)], bool)
    dropped = [_dropped(scored.rows[i], i, selection, own[i]) for i in np.flatnonzero(~keep).tolist()]
    kept = [row for row, k in zip(scored.rows, keep, strict=True) if k]
    folder.scores.write(scored.decided(selection, keep, own))
    write_rows(scored.source, kept, folder.kept(open_data_set(scored.source).suffix))
    folder.dropped.write(dropped)
    folder.set_aside.write(scored.set_aside)
    stored = StoredBar.of(bar, settings)
    folder.anchors.write(stored)
    folder.groups.write(by_groups(scored.rows, {row.id: row.reason for row in dropped}, scored.columns.values()))
    reasons = dict(Counter(row.reason for row in dropped))
    unjudged = int((~selection.judged).sum())
    decisions = Decisions(len(keep), len(kept), len(dropped), len(scored.set_aside), reasons, unjudged)
    folder.client.write(
        ClientSummary(
            origin,
            decisions,
            settings,
            source=_full_name(scored.source),
            columns=scored.columns,
            duplicates=scored.duplicates,
            truncated=sum(scored.truncated),
            decided_by_owner=sum(map(bool, own)),
            anchors=bar.size,
            warnings=(*stored.cautions, *about_kinds(selection.like.tolist(), bar.size)),
        )
    )
    return decisions


def decide_again(folder: Path, settings: SelectionSettings) -> Decisions:
    """Put rows that were scored before to another bar, or apply changed decisions; no model is loaded.

    Raises ScoresError where nothing was scored or the source has changed.
    """
    own = OwnerFolder(folder)
    scored = ScoredRows.load(own)
    return decide(own, scored, own.anchors.read().to_bar(), settings, own.client.read().origin)


def _full_name(source: Path) -> str:
    """The name under which the data set is found from any folder."""
    return str(source.resolve()) if open_data_set(source).location else str(source)


def _dropped(row: Row, i: int, selection: Selection, decision: str) -> DroppedRow:
    reason = OWNER if decision else selection.criteria[int(selection.worst[i])]
    evidence = round(float(selection.statistic[i]), 3) if selection.judged[i] else None
    return DroppedRow(row.id, row.line, reason, float(selection.p[i]), evidence, row.record)

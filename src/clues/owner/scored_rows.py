"""The usable rows of an owner's file with their channels: just scored, or scored before and read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clues.data.files.reading import read_rows
from clues.data.prepare import Prepared
from clues.data.rows import Row, SetAside
from clues.errors import ScoresError
from clues.folders.owner import OwnerFolder
from clues.folders.scores import EVIDENCE, SCORED, NotScored, P, Scores
from clues.scoring.channel import Channels
from clues.selection.select import Selection


@dataclass(frozen=True)
class ScoredRows:
    """The usable rows of a file with their channels, and what was set aside."""

    source: Path
    columns: Mapping[str, str]
    """The owner's mapping of column names, empty where the usual ones are found."""
    rows: list[Row]
    tokens: list[int]
    """Response tokens of each row."""
    truncated: list[bool]
    set_aside: list[SetAside]
    channels: Channels

    @staticmethod
    def of(
        source: Path, prepared: Prepared, channels: Channels, columns: Mapping[str, str] | None = None
    ) -> ScoredRows:
        """Rows that were just scored."""
        encoded = prepared.encoded
        tokens, truncated = [sum(e.response_mask) for e in encoded], [e.truncated for e in encoded]
        return ScoredRows(source, columns or {}, prepared.rows, tokens, truncated, prepared.set_aside, channels)

    @staticmethod
    def load(folder: OwnerFolder) -> ScoredRows:
        """Rows that were scored before, from the folder's files and the source they name.

        Raises ScoresError when there are none, or the source has changed since.
        """
        if not (folder.client.path.exists() and folder.scores.path.exists()):
            raise ScoresError(f"{folder.path}: no scores here; make them first: clues score")
        about, scores = folder.client.read(), folder.scores.read()
        source = Path(about.source)
        by_id = {row.id: row for row in read_rows(source, about.columns or None)[0]}
        if missing := [i for i in scores.ids if i not in by_id]:
            raise ScoresError(f"{source}: row {missing[0]} has changed since it was scored; score the file again")
        return ScoredRows(
            source,
            about.columns,
            [by_id[i] for i in scores.ids],
            scores["tokens"].tolist(),
            scores["truncated"].tolist(),
            folder.set_aside.read(),
            scores.channels,
        )

    @property
    def duplicates(self) -> int:
        """Rows whose text an earlier row has already."""
        return len(self.rows) - len({row.content_hash for row in self.rows})

    def decided(self, selection: Selection, keep: np.ndarray, decisions: Sequence[str]) -> Scores:
        """The content of scores.parquet. keep: [N] bool, the owner's decisions included."""
        criteria = {}
        for j, name in enumerate(selection.criteria):
            criteria |= {EVIDENCE + name: selection.evidence[:, j], P + name: selection.p_criterion[:, j]}
        reasons = ["" if k else r for r, k in zip(selection.reason, keep, strict=True)]
        columns = {
            "id": _texts(r.id for r in self.rows),
            "file": _texts(r.file for r in self.rows),
            "line": np.array([r.line for r in self.rows], np.int64),
            "hash": _texts(r.content_hash for r in self.rows),
            "status": _texts(SCORED for _ in self.rows),
            "tokens": np.array(self.tokens, np.int64),
            "truncated": np.array(self.truncated, bool),
            **{name: np.asarray(values, float) for name, values in self.channels.items()},
            **criteria,
            "p": selection.p,
            "statistic": selection.statistic,
            "keep": keep,
            "reason": _texts(reasons),
            "decision": _texts(decisions),
        }
        return Scores(columns, [NotScored(s.file, s.line, s.reason) for s in self.set_aside])


def _texts(values: Iterable[str]) -> np.ndarray:
    return np.array(list(values), object)

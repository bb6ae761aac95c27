"""explanations.parquet: what each token of a response adds to the forward channels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clues.disk.reading import read_table

EXPLAINED = ("fluency", "relevance", "novelty")
"""Criteria whose scores are sums over the tokens; completeness hangs on the end alone."""


@dataclass(frozen=True)
class Explanation:
    """Of one row."""

    start: Sequence[int]
    """Character of the response where each token begins."""
    terms: Mapping[str, Sequence[float]]
    """Criterion -> what each token adds, nats."""


@dataclass(frozen=True)
class ExplanationsFile:
    """The file of them."""

    path: Path

    def read(self, ids: Collection[str], criteria: Sequence[str] = EXPLAINED) -> dict[str, Explanation]:
        """Those of some rows by their ids; none where there is no file.

        Raises FolderError for a file that lacks a column or is no table.
        """
        if not self.path.exists():
            return {}
        import pyarrow.compute

        table = read_table(self.path, ("id", "start", *criteria))
        table = table.filter(pyarrow.compute.field("id").isin(list(ids)))
        return {
            line["id"]: Explanation(line["start"], {name: line[name] for name in criteria})
            for line in table.to_pylist()
        }

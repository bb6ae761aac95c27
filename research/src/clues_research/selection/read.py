"""Reading a channel table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from clues.data.damage.spoil import HARMLESS
from clues.evaluation.labels import CLEAN


@dataclass(frozen=True)
class Table:
    """All rows and columns of one warm-up."""

    name: str
    columns: dict[str, np.ndarray]
    facts: dict[str, Any]

    @staticmethod
    def load(file: Path) -> Table:
        """Read a table that `tables.write` wrote."""
        found = pq.read_table(file)
        columns = {n: found[n].to_numpy(zero_copy_only=False) for n in found.column_names}
        return Table(file.stem, columns, json.loads((found.schema.metadata or {}).get(b"clues", b"{}")))

    def role(self, name: str) -> np.ndarray:
        """[R] bool"""
        return self.columns["role"] == name

    def spoiled(self, kind: str) -> np.ndarray:
        """[R] bool: validation rows that were spoiled in a way, in the order of the validation rows."""
        return self.role("spoiled") & (self.columns["client"] == kind)

    @cached_property
    def mixture(self) -> np.ndarray:
        """[R] bool: rows of the clients of the mixture itself, without those that are all bad, other or mistyped."""
        return self.role("client") & np.isin(self.columns["client"], self.facts["mixture"]["sources"])

    @property
    def clean(self) -> np.ndarray:
        """[R] bool"""
        return np.isin(self.columns["kind"], (CLEAN, *HARMLESS))

    @property
    def checkpoints(self) -> int:
        """How many there are."""
        return len(self.facts["warm_up"]["steps"])

    @property
    def first_pass(self) -> tuple[int, ...]:
        """The checkpoints in the first pass over the rows: at a third and at two thirds, if both are there."""
        return tuple(range(1, min(self.checkpoints, 2) + 1))

    @cached_property
    def groups(self) -> list[str]:
        """Names of the groups of layers, from below."""
        return [
            n.split("|")[1].removesuffix("@1") for n in self.columns if n.startswith("square|") and n.endswith("@1")
        ]

    def channel(self, name: str, checkpoints: Sequence[int] = (1,)) -> np.ndarray:
        """[R] a channel; the mean over checkpoints for one that is read under them."""
        if name in self.columns:
            return self.columns[name].astype(float)
        return np.mean([self.columns[f"{name}@{k}"].astype(float) for k in checkpoints], axis=0)

    def gradient(self, kind: str, groups: Sequence[int], checkpoints: Sequence[int] = (1,)) -> np.ndarray:
        """[R] ⟨∇ℓ, direction of a kind⟩ over some groups of layers, the mean over checkpoints."""
        return sum((self.channel(f"{kind}|{self.groups[g]}", checkpoints) for g in groups), np.zeros(len(self.clean)))

    def norm(self, groups: Sequence[int], checkpoint: int) -> np.ndarray:
        """[R] ‖∇ℓ‖ over B in some groups of layers at a checkpoint."""
        return np.sqrt(sum(self.columns[f"square|{self.groups[g]}@{checkpoint}"].astype(float) for g in groups))

"""A channel: one number per row, higher is better data. The one place where the name of its column is made and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from clues.errors import SelectionError

FORWARD, GRADIENT, TRAINED, SCORE = "forward", "gradient", "trained", "score"
MARGIN, TAUGHT = "margin", "taught"
"""Kinds: from the base model's likelihoods; inner products with a direction; likelihoods under a checkpoint, from the
pass that reads the gradients; what a scorer says. Of short answers the margin over the others of the task, under a
checkpoint, and under the checkpoint taught by public rows. The published score has its forms `dot` and `adam` as kinds.
"""

APPLIES = "applies"
"""The kind of a column that says of each row whether a criterion judges it, 1 or 0; without one it judges all."""

Channels = Mapping[str, np.ndarray]
"""A table of rows: column -> [rows]."""

SOURCE = r"[A-Za-z0-9]+([.-][A-Za-z0-9]+)*"
"""What a source may be called: no other column of a table looks like one of its channels."""
_COLUMN = re.compile(
    rf"(?P<source>{SOURCE})\.(?P<kind>[A-Za-z0-9-]+)(\[(?P<domain>[^/\[\]@]+)\])?(@(?P<checkpoint>\d+))?"
)


@dataclass(frozen=True)
class Channel:
    """What a column of numbers is: whose, by which means, for which public rows, and where in a training."""

    source: str
    """What it tells about, such as a criterion; or who tells it, as `published` or a scorer."""
    kind: str
    domain: str = ""
    """Of the public rows that its direction was made of; empty: of all, as the owner's own domain weighs them."""
    checkpoint: int | None = None
    """The round it was read after; None: the mean over the checkpoints, or read under the base model."""

    @property
    def column(self) -> str:
        """`<source>.<kind>[<domain>]@<checkpoint>`, without the parts that are not there."""
        domain = f"[{self.domain}]" if self.domain else ""
        return f"{self.source}.{self.kind}{domain}" + ("" if self.checkpoint is None else f"@{self.checkpoint}")

    @staticmethod
    def parse(column: str) -> Channel:
        """The inverse of `column`. Raises SelectionError for a column that is none, such as `p` or `p_fluency`."""
        if not (found := _COLUMN.fullmatch(column)):
            raise SelectionError(f"{column!r} is no channel: a name as fluency.forward or fluency.gradient@2 is needed")
        at = found["checkpoint"]
        return Channel(found["source"], found["kind"], found["domain"] or "", None if at is None else int(at))

    def at(self, checkpoint: int | None) -> Channel:
        """The same at a checkpoint, or over all of them."""
        return replace(self, checkpoint=checkpoint)

    def in_domain(self, domain: str) -> Channel:
        """The same for the public rows of a domain, or for all of them."""
        return replace(self, domain=domain)


TASK = Channel("label", "task")
"""Which task of short answers a row is of, a position among those that the public rows show; `FREE` for free text."""
FREE = -1
"""The task of free text."""


def channels_among(columns: Iterable[str]) -> list[Channel]:
    """The channels among a table's columns, in their order."""
    return [Channel.parse(column) for column in columns if _COLUMN.fullmatch(column)]

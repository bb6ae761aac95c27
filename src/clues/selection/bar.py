"""The bar: the public rows that everybody's rows are held against, in every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.scoring.criteria import CRITERIA, SCORE, Criterion, brought, forward_only, score_of
from clues.scoring.domains import DomainWeights

Channels = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Bar:
    """Channels of the n anchors, and of public rows that were spoiled for each criterion."""

    anchors: Channels
    """Channel -> [n]"""
    spoiled: Mapping[str, Channels]
    """Criterion -> channel -> [m]; empty for the scores of a scorer"""

    @property
    def size(self) -> int:
        """n"""
        return len(next(iter(self.anchors.values())))

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria that rows were spoiled for, by the channels there are: all, or the forward channels alone.

        Without a spoiled row it is the scorer that gave the scores.
        """
        if scorers := [name.removesuffix(SCORE) for name in self.anchors if name.endswith(SCORE)]:
            return tuple(map(score_of, scorers))
        has_gradient = any(name.endswith(".gradient") for name in self.anchors)
        ours = tuple(c for c in CRITERIA if c.name in self.spoiled)
        others = set(self.spoiled) - {c.name for c in ours}
        found = (*ours, *(brought(name) for name in self.spoiled if name in others))
        return found if has_gradient else forward_only(found)

    def without(self, anchor: int) -> Bar:
        """The same bar without one of its anchors."""
        return Bar(_without(self.anchors, anchor), self.spoiled)

    def without_spoiled(self, criterion: str, row: int) -> Bar:
        """The same bar without one of the rows that were spoiled for a criterion."""
        return Bar(self.anchors, {**self.spoiled, criterion: _without(self.spoiled[criterion], row)})

    def weighed(self, domains: DomainWeights) -> Bar:
        """The same bar for rows of a domain."""
        return Bar(domains.weigh(self.anchors), {name: domains.weigh(part) for name, part in self.spoiled.items()})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Flat names, `anchor/<channel>` and `spoiled/<criterion>/<channel>`; `from_arrays` is the inverse."""
        flat = {f"anchor/{name}": np.asarray(values) for name, values in self.anchors.items()}
        for criterion, channels in self.spoiled.items():
            flat |= {f"spoiled/{criterion}/{name}": np.asarray(values) for name, values in channels.items()}
        return flat

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray | Sequence[float]]) -> Bar:
        """See `to_arrays`."""
        anchors: dict[str, np.ndarray] = {}
        spoiled: dict[str, dict[str, np.ndarray]] = {}
        for key, values in arrays.items():
            part, _, rest = key.partition("/")
            if part == "anchor":
                anchors[rest] = np.asarray(values, float)
            elif part == "spoiled":
                criterion, _, name = rest.partition("/")
                spoiled.setdefault(criterion, {})[name] = np.asarray(values, float)
        return Bar(anchors, spoiled)


def _without(channels: Channels, row: int) -> dict[str, np.ndarray]:
    return {name: np.delete(np.asarray(values), row) for name, values in channels.items()}

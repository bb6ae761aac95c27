"""The bar: the public rows that everybody's rows are held against, in every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clues.scoring.channel_folder import ChannelFolder, ValidationFolder
from clues.scoring.criteria import CRITERIA, GOOD, SCORE, Criterion, brought, forward_only, score_of
from clues.scoring.domains import ALIKE, DomainWeights

Channels = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Bar:
    """Channels of the n anchors, which rows are ranked among, and of the m public validation rows, good and spoiled for
    each criterion, which say what evidence is."""

    anchors: Channels
    """Channel -> [n]"""
    good: Channels
    """Channel -> [m]; empty for the scores of a scorer"""
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
        return replace(self, anchors=_without(self.anchors, anchor))

    def without_spoiled(self, criterion: str, row: int) -> Bar:
        """The same bar without one of the rows that were spoiled for a criterion."""
        return replace(self, spoiled={**self.spoiled, criterion: _without(self.spoiled[criterion], row)})

    def weighed(self, domains: DomainWeights) -> Bar:
        """The same bar for rows of a domain."""
        spoiled = {name: domains.weigh(part) for name, part in self.spoiled.items()}
        return replace(self, anchors=domains.weigh(self.anchors), good=domains.weigh(self.good), spoiled=spoiled)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Flat names, `anchor/<channel>`, `good/<channel>` and `spoiled/<criterion>/<channel>`; see `from_arrays`."""
        flat = {f"anchor/{name}": np.asarray(values) for name, values in self.anchors.items()}
        flat |= {f"good/{name}": np.asarray(values) for name, values in self.good.items()}
        for criterion, channels in self.spoiled.items():
            flat |= {f"spoiled/{criterion}/{name}": np.asarray(values) for name, values in channels.items()}
        return flat

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray | Sequence[float]]) -> Bar:
        """The inverse of `to_arrays`."""
        anchors: dict[str, np.ndarray] = {}
        good: dict[str, np.ndarray] = {}
        spoiled: dict[str, dict[str, np.ndarray]] = {}
        for key, values in arrays.items():
            part, _, rest = key.partition("/")
            if part == "anchor":
                anchors[rest] = np.asarray(values, float)
            elif part == "good":
                good[rest] = np.asarray(values, float)
            elif part == "spoiled":
                criterion, _, name = rest.partition("/")
                spoiled.setdefault(criterion, {})[name] = np.asarray(values, float)
        return Bar(anchors, good, spoiled)


def bar_of(anchors: ChannelFolder, validation: ValidationFolder, domains: DomainWeights = ALIKE) -> Bar:
    """The bar from the scored public rows, for rows of some domain."""
    classes: dict[str, dict[str, np.ndarray]] = {name: {} for name in (GOOD, *validation.validation.spoiled)}
    for channel, values in validation.channels(domains).items():
        for name, part in validation.validation.by_class(values).items():
            classes[name][channel] = part
    return Bar(anchors.channels(domains), classes.pop(GOOD), classes)


def _without(channels: Channels, row: int) -> dict[str, np.ndarray]:
    return {name: np.delete(np.asarray(values), row) for name, values in channels.items()}

"""The bar: the public rows that everybody's rows are held against, in every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clues.errors import SelectionError
from clues.scoring.channel import SCORE, Channels
from clues.scoring.criteria import GOOD, Criterion
from clues.scoring.domains import ALIKE, DomainWeights
from clues.selection.seen import LeftOut, with_a_say

if TYPE_CHECKING:  # they hold a model, and rows are put to a bar without one
    from clues.scoring.channel_folder import ChannelFolder, ValidationFolder


@dataclass(frozen=True)
class Bar:
    """Channels of the n anchors, which rows are ranked among, and of the m public validation rows, good and spoiled for
    each criterion, which say what evidence is.

    Raises SelectionError without a criterion, and where public rows lack a channel that one counts.
    """

    anchors: Channels
    """Column -> [n]"""
    good: Channels
    """Column -> [m]; empty for the scores of a scorer"""
    spoiled: Mapping[str, Channels]
    """Criterion -> column -> [m]; empty for the scores of a scorer"""
    criteria: tuple[Criterion, ...]
    """What rows are held against it by; a scorer is the one criterion. None where nothing that was left out sees
    anything: then no row is judged."""
    left_out: tuple[LeftOut, ...] = ()
    """Criteria and channels that have no say."""

    def __post_init__(self) -> None:
        if not self.criteria and not self.left_out:
            raise SelectionError("the bar states no criterion: score the public rows again")
        for criterion in self.criteria:
            parts = {"anchors": self.anchors}
            if not self.by_score:
                parts |= {"good validation rows": self.good}
                parts |= {f"rows spoiled for {criterion.name}": self.spoiled.get(criterion.name, {})}
            for part, channels in parts.items():
                _check_channels(criterion.columns, channels, part)

    @property
    def by_score(self) -> bool:
        """The one criterion is a scorer, for which nothing is spoiled."""
        return any(channel.kind == SCORE for criterion in self.criteria for channel in criterion.channels)

    @property
    def size(self) -> int:
        """n"""
        return len(next(iter(self.anchors.values())))

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
        """Flat names, `anchor/<column>`, `good/<column>` and `spoiled/<criterion>/<column>`; see `from_arrays`."""
        flat = {f"anchor/{name}": np.asarray(values) for name, values in self.anchors.items()}
        flat |= {f"good/{name}": np.asarray(values) for name, values in self.good.items()}
        for criterion, channels in self.spoiled.items():
            flat |= {f"spoiled/{criterion}/{name}": np.asarray(values) for name, values in channels.items()}
        return flat

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, np.ndarray | Sequence[float]],
        criteria: Sequence[Criterion],
        left_out: Sequence[LeftOut] = (),
    ) -> Bar:
        """The inverse of `to_arrays`; `criteria` are stated beside them, see `scoring.criteria.stated`."""
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
        return Bar(anchors, good, spoiled, tuple(criteria), tuple(left_out))


def bar_of(anchors: ChannelFolder, validation: ValidationFolder, domains: DomainWeights = ALIKE) -> Bar:
    """The bar from the scored public rows, for rows of some domain, by the criteria that see something there.

    Raises SelectionError, see `Bar`.
    """
    classes: dict[str, dict[str, np.ndarray]] = {name: {} for name in (GOOD, *validation.validation.spoiled)}
    for channel, values in validation.channels(domains).items():
        for name, part in validation.validation.by_class(values).items():
            classes[name][channel] = part
    whole = Bar(anchors.channels(domains), classes.pop(GOOD), classes, validation.validation.criteria)
    about = validation.validation
    criteria, blind = with_a_say(about.criteria, whole.good, whole.spoiled, about.origins, about.fold_of)
    few = [LeftOut(name, rows) for name, rows in about.left_out.items()]
    return replace(whole, criteria=criteria, left_out=(*few, *blind))


def _check_channels(columns: Sequence[str], channels: Channels, part: str) -> None:
    for column in columns:
        if column not in channels:
            raise SelectionError(
                f"channel {column} is missing among the {part}, and the bar counts it: score them with the settings of "
                'the job, at a checkpoint that its training reaches; or ask for scoring.channels = "forward"'
            )


def _without(channels: Channels, row: int) -> dict[str, np.ndarray]:
    return {name: np.delete(np.asarray(values), row) for name, values in channels.items()}

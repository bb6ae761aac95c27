"""Never worse than chance: a channel, or a criterion, that does not tell good from spoiled public rows has no say.

The public validation rows alone decide it, so anchors have no part in it, and p stays valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import t as student

from clues.kernels.conformal import Discriminant
from clues.scoring.channel import Channels
from clues.scoring.criteria import Criterion
from clues.selection.tables import judges, public_values

FAMILY = 0.05
"""Chance that anything is let in where all channels are noise: it is shared out among them (Bonferroni)."""


@dataclass(frozen=True)
class LeftOut:
    """A criterion, or one of its channels, that has no say in the verdict."""

    name: str
    """Of the criterion, or the channel's column."""
    rows: int
    """Public validation rows that could be spoiled for the criterion."""
    auc: float | None = None
    """How well it tells these from their spoiled copies, cross-validated; None where there were too few to try."""
    low: float | None = None
    """Lower end of its interval, not above 0.5."""


@dataclass(frozen=True)
class PublicPairs:
    """Good public rows and their copies, spoiled for one criterion, in its channels."""

    good: Float[np.ndarray, "m C"]
    spoiled: Float[np.ndarray, "k C"]
    origin: Int[np.ndarray, " k"]
    """Which good row each copy was made of."""
    fold_of: Int[np.ndarray, " m"]
    """A row and its copies are in one fold."""

    def without(self, fold: int) -> Discriminant:
        """What is known of the difference without a fold."""
        return Discriminant.fit(self.good[self.fold_of != fold], self.spoiled[self.fold_of[self.origin] != fold])

    def crossed(self) -> tuple[np.ndarray, np.ndarray]:
        """Evidence [m], [k] of every row by a discriminant that does not know its fold."""
        good, spoiled = np.zeros(len(self.good)), np.zeros(len(self.spoiled))
        for fold in np.unique(self.fold_of):
            discriminant, mine = self.without(fold), self.fold_of == fold
            good[mine] = discriminant.evidence(self.good[mine])
            spoiled[mine[self.origin]] = discriminant.evidence(self.spoiled[mine[self.origin]])
        return good, spoiled


def auc_of_pairs(
    good: Float[np.ndarray, " m"], spoiled: Float[np.ndarray, " k"], origin: Int[np.ndarray, " k"], level: float
) -> tuple[float, float]:
    """The area under the curve of good against spoiled rows, and the lower end of its interval.

    The jackknife leaves out a row together with its copies (Arvesen 1969); the interval is Student's, one-sided at
    `level`.
    """
    m, k = len(good), len(spoiled)
    wins = (good[:, None] > spoiled) + 0.5 * (good[:, None] == spoiled)
    own = np.eye(m)[:, origin]  # [m, k]
    left = wins.sum() - wins.sum(1) - own @ wins.sum(0) + (own * wins).sum(1)
    without = left / ((m - 1) * (k - own.sum(1)))
    spread = np.sqrt((m - 1) / m * ((without - without.mean()) ** 2).sum())
    area = float(wins.mean())
    return area, float(area - student.ppf(1 - level, m - 1) * spread)


def with_a_say(
    criteria: tuple[Criterion, ...],
    good: Channels,
    spoiled: Mapping[str, Channels],
    origins: Mapping[str, np.ndarray],
    fold_of: np.ndarray,
) -> tuple[tuple[Criterion, ...], list[LeftOut]]:
    """The criteria that see something, by the channels that do, and what is left out.

    Args:
        good: column -> [rows]. spoiled: criterion -> column -> [copies]. origins: criterion -> [copies] the row that
            each was made of. fold_of: [rows].

    Raises SelectionError for a public row without a value in a channel.
    """
    kept, left = [], []
    channels = sum(len(c.channels) for c in criteria)
    for criterion in criteria:
        pairs = _pairs(criterion, good, spoiled[criterion.name], origins[criterion.name], fold_of)
        seen = []
        for j, channel in enumerate(criterion.channels):
            area, low = auc_of_pairs(pairs.good[:, j], pairs.spoiled[:, j], pairs.origin, FAMILY / channels)
            if low > 0.5:
                seen.append(j)
            else:
                left.append(LeftOut(channel.column, len(pairs.spoiled), area, low))
        if not seen:
            left.append(LeftOut(criterion.name, len(pairs.spoiled)))
            continue
        some = replace(pairs, good=pairs.good[:, seen], spoiled=pairs.spoiled[:, seen])
        area, low = auc_of_pairs(*some.crossed(), some.origin, FAMILY / len(criteria))
        if low > 0.5:
            kept.append(replace(criterion, channels=tuple(criterion.channels[j] for j in seen)))
        else:
            left.append(LeftOut(criterion.name, len(pairs.spoiled), area, low))
    return tuple(kept), left


def _pairs(
    criterion: Criterion, good: Channels, spoiled: Channels, origin: np.ndarray, fold_of: np.ndarray
) -> PublicPairs:
    """Of the rows that the criterion judges. Raises SelectionError, see `with_a_say`."""
    judged = judges(criterion, good)
    places = np.cumsum(judged) - 1
    some = judged[origin]
    return PublicPairs(
        public_values(good, criterion, judged),
        public_values(spoiled, criterion, some),
        places[origin[some]],
        fold_of[judged],
    )

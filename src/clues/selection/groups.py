"""Who loses rows: the share of each group of an owner's rows that is dropped, and groups that lose more than the rest.

Groups come from the owner's own records and from the length of the answers. They stay with the owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from clues.data.damage.labelled import LABEL
from clues.data.files.layouts import TEXT_FIELDS
from clues.data.rows import Row
from clues.statistics.shares import share

MOST_VALUES = 20
"""A field with more different values names rows, not groups of them."""
LONGEST = 40
"""Characters of a value: what is longer is a text."""
SEVERAL = 3
"""Rows per value on average, so that a field of names in a small file makes no groups."""
LEAST = 5
"""Rows of a group that can be warned about."""
WHOLE = 0.95
"""A group that loses this share of its rows is gone."""
LEVEL = 0.05
"""The chance of any warning `more` where rows are dropped without regard to groups is at most this."""
NO_GROUPS = {LABEL, *TEXT_FIELDS}
"""Fields that are the conversation, or say what was done to a row."""


@dataclass(frozen=True)
class Group:
    field: str | None
    """Field of the records; None: length of the answer."""
    value: str
    """Value of the field, empty where a record has none; for lengths such as `12 to 180 characters`."""
    rows: NDArray[np.intp]
    """Positions of the group's rows."""


def groups_of(rows: Sequence[Row], texts: Collection[str] = ()) -> list[Group]:
    """All groups of these rows: by every field of few short texts, then the answers' lengths in quarters.

    Args:
        texts: fields that hold prompt and response, where they have unusual names.
    """
    read = {name for fields in {row.fields for row in rows} for name in fields.used} | NO_GROUPS | set(texts)
    names = dict.fromkeys(name for row in rows for name in row.record if name not in read)
    found = [group for name in names for group in _by_field(rows, name)]
    return found + _by_length(rows)


def _by_field(rows: Sequence[Row], name: str) -> list[Group]:
    """The groups that one field makes; none where it holds something else than few short texts."""
    values: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        value = row.record.get(name)
        if not isinstance(value, str | None) or len(value or "") > LONGEST:
            return []
        values.setdefault(value if value and value.strip() else "", []).append(i)
        if len(values) > MOST_VALUES:
            return []
    if len(values) < 2 or len(rows) < SEVERAL * len(values):
        return []
    return [Group(name, value, np.array(places)) for value, places in sorted(values.items())]


def _by_length(rows: Sequence[Row]) -> list[Group]:
    """Quarters by the answers' characters; rows of one length stay together, so there may be fewer."""
    if not rows:
        return []
    length = np.array([len(row.response) for row in rows])
    edges = np.unique(np.quantile(length, (0.25, 0.5, 0.75), method="inverted_cdf"))
    quarter = np.searchsorted(edges, length)
    places = [np.flatnonzero(quarter == number) for number in np.unique(quarter)]
    return [Group(None, _span(length[own]), own) for own in places] if len(places) > 1 else []


def _span(length: NDArray[np.int_]) -> str:
    low, high = int(length.min()), int(length.max())
    return f"{low:,} to {high:,} characters" if low < high else f"{low:,} characters"


def more_dropped(dropped: Sequence[int], rows: Sequence[int], all_dropped: int, all_rows: int) -> NDArray[np.float64]:
    """p of each group [G]: that it loses so many rows by chance, if the dropped ones lay anywhere among all rows.

    Fisher's exact test, one-sided, with Holm's correction over the groups given (Holm, Scandinavian Journal of
    Statistics 6, 1979), which holds for groups that overlap too.
    """
    p = hypergeom.sf(np.asarray(dropped) - 1, all_rows, all_dropped, np.asarray(rows))
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(p), 0, -1) * p[order]))
    return corrected


@dataclass(frozen=True)
class GroupLoss:
    """What a group lost."""

    field: str | None
    value: str
    """See `Group`."""
    rows: int
    dropped: int
    dropped_share: float | None
    dropped_share_low: float | None
    dropped_share_high: float | None
    reasons: Mapping[str, int]
    """Dropped rows per reason, the most frequent first."""
    p: float | None
    """See `more_dropped`; None for a group of few rows."""
    warning: str
    """`gone` where the group loses all, or nearly, and the file does not; `more` where it loses more than the rest."""


@dataclass(frozen=True)
class GroupLosses:
    """The content of groups.json."""

    rows: int
    dropped: int
    dropped_share: float | None
    dropped_share_low: float | None
    dropped_share_high: float | None
    groups: tuple[GroupLoss, ...]
    """The group that surely loses the largest share first."""


def by_groups(rows: Sequence[Row], reasons: Mapping[str, str], texts: Collection[str] = ()) -> GroupLosses:
    """What each group of an owner's rows loses.

    Args:
        reasons: id -> reason of each dropped row.
        texts: see `groups_of`.
    """
    groups, lost = groups_of(rows, texts), sum(row.id in reasons for row in rows)
    why = [[reasons[rows[i].id] for i in group.rows.tolist() if rows[i].id in reasons] for group in groups]
    tested = [g for g, group in enumerate(groups) if len(group.rows) >= LEAST]
    p = more_dropped([len(why[g]) for g in tested], [len(groups[g].rows) for g in tested], lost, len(rows))
    chance = dict(zip(tested, p.tolist(), strict=True))
    found = [_loss(group, why[g], chance.get(g), lost / len(rows)) for g, group in enumerate(groups)]
    found.sort(key=lambda loss: (-(loss.dropped_share_low or 0), -(loss.dropped_share or 0), -loss.rows))
    return GroupLosses(len(rows), lost, **share("dropped_share", lost, len(rows)), groups=tuple(found))


def _loss(group: Group, why: Sequence[str], p: float | None, overall: float) -> GroupLoss:
    rows, dropped, warning = len(group.rows), len(why), ""
    if p is not None:
        warning = "gone" if dropped / rows >= WHOLE > overall else "more" if p <= LEVEL else ""
    counts = dict(Counter(why).most_common())
    own = share("dropped_share", dropped, rows)
    return GroupLoss(group.field, group.value, rows, dropped, **own, reasons=counts, p=p, warning=warning)

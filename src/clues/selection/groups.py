"""Who loses rows: the share of each group of an owner's rows that is dropped, and groups that lose more than the rest.

Groups come from the owner's own records and from the length of the answers. They stay with the owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from clues.data.damage.spoil import LABEL
from clues.data.files.records import FORMATS
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
NO_GROUPS = {LABEL, "input", *(name for names in FORMATS for name in names)}
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
    names = dict.fromkeys(name for row in rows for name in row.record if name not in NO_GROUPS and name not in texts)
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


def by_groups(rows: Sequence[Row], reasons: Mapping[str, str], texts: Collection[str] = ()) -> dict[str, Any]:
    """The content of groups.json: the group that surely loses the largest share first.

    Args:
        reasons: id -> reason of each dropped row.
        texts: see `groups_of`.
    """
    lost = np.array([row.id in reasons for row in rows], bool)
    groups = [_described(group, rows, lost, reasons) for group in groups_of(rows, texts)]
    tested = [group for group in groups if group["rows"] >= LEAST]
    all_lost, counts = int(lost.sum()), {"rows": len(rows), "dropped": int(lost.sum())}
    p = more_dropped([g["dropped"] for g in tested], [g["rows"] for g in tested], all_lost, len(rows))
    for group, value in zip(tested, p.tolist(), strict=True):
        group |= {"p": value, "warning": _warning(group, value, all_lost / len(rows))}
    groups.sort(key=lambda g: (-g["dropped_share_low"], -g["dropped_share"], -g["rows"]))
    return {**counts, **share("dropped_share", all_lost, len(rows)), "groups": groups}


def _described(
    group: Group, rows: Sequence[Row], lost: NDArray[np.bool_], reasons: Mapping[str, str]
) -> dict[str, Any]:
    dropped = group.rows[lost[group.rows]].tolist()
    return {
        "field": group.field,
        "value": group.value,
        "rows": len(group.rows),
        "dropped": len(dropped),
        **share("dropped_share", len(dropped), len(group.rows)),
        "reasons": dict(Counter(reasons[rows[i].id] for i in dropped).most_common()),
        "p": None,
        "warning": "",
    }


def _warning(group: Mapping[str, Any], p: float, overall: float) -> str:
    """`gone` where the group loses all, or nearly, and the file does not; `more` where it loses more than the rest."""
    if group["dropped_share"] >= WHOLE > overall:
        return "gone"
    return "more" if p <= LEVEL else ""

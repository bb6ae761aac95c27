"""Who loses rows: the groups of an owner's rows and the clients of a run, and warnings where one loses more."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from clues.folders.selection import ClientCounts
from clues.report.words import count, faults, listed, percent
from clues.selection.cautions import Caution
from clues.selection.groups import LEAST, LEVEL, GroupLoss, GroupLosses, more_dropped
from clues.statistics.shares import share

TITLES = {
    "gone": ("A whole group is dropped", "Whole groups are dropped"),
    "more": ("A group loses more rows than the others", "Groups lose more rows than the others"),
}
"""A warning of groups.json -> title for one group, and for several."""
ADVICE = "They may be worse, or only unlike the anchors: read some of them before they go."
TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of the text around them."""


def shown_groups(found: GroupLosses | None, include_text: bool = True) -> list[GroupLoss]:
    """The groups of groups.json, in its order; none without the file.

    Without text only those by length: what stands in a field of a record is the owner's.
    """
    groups = found.groups if found else ()
    return [group for group in groups if include_text or group.field is None]


def about_groups(found: GroupLosses | None, include_text: bool = True) -> list[Caution]:
    """A caution for groups that are gone, and one for those that lose more than the rest."""
    if found is None:
        return []
    view = shown_groups(found, include_text)
    cautions = []
    for kind, titles in TITLES.items():
        groups = [group for group in view if group.warning == kind]
        text = " ".join([_says(group, found) for group in groups])
        cautions += [Caution(f"group-{kind}", titles[len(groups) > 1], f"{text} {ADVICE}")] if groups else []
    return cautions


def group_warnings(found: GroupLosses) -> list[str]:
    """The same as lines, one for each group."""
    return [_says(group, found) for group in found.groups if group.warning]


def group_name(field: str | None, value: str) -> str:
    """A group in words, of one line, such as `language “fr”`; what stands in the records is shown as it is."""
    if field is None:
        return f"answers of {value}"
    return f"{_plain(field)} “{_plain(value)}”" if value else f"no {_plain(field)}"


@dataclass(frozen=True)
class ClientLoss:
    """What a client lost, and how likely it loses more than the others by chance."""

    dropped_share: float | None
    dropped_share_low: float | None
    dropped_share_high: float | None
    p: float


def client_losses(clients: Mapping[str, ClientCounts]) -> dict[str, ClientLoss]:
    """Of every client, against all together."""
    dropped, rows = [n.dropped for n in clients.values()], [n.rows for n in clients.values()]
    p = more_dropped(dropped, rows, sum(dropped), sum(rows))
    return {
        client: ClientLoss(**share("dropped_share", n.dropped, n.rows), p=float(value))
        for (client, n), value in zip(clients.items(), p, strict=True)
    }


def about_uneven_clients(clients: Mapping[str, ClientCounts]) -> list[Caution]:
    """Clients that lose more rows than chance explains, by the counts that every client tells anyway."""
    uneven = {
        client: n for client, n in client_losses(clients).items() if n.p <= LEVEL and clients[client].rows >= LEAST
    }
    if not uneven:
        return []
    parts = [
        f"{percent(n.dropped_share or 0)} of {count(clients[client].rows, 'row')} of {client} ({chance(n.p)})"
        for client, n in uneven.items()
    ]
    lost = sum(n.dropped for n in clients.values()) / sum(n.rows for n in clients.values())
    text = (
        f"Dropped are {listed(parts)}, and {percent(lost)} of all clients’ rows: more than "
        "chance explains. The rows may be worse, or only unlike the anchors: the client can read a sample of what it "
        "lost (clues audit), and anchors from sources like its own would be fairer to it."
    )
    title = "A client loses more rows than the others" if len(uneven) == 1 else "Clients lose more rows than the others"
    return [Caution("client-loses-more", title, text)]


def chance(p: float) -> str:
    """A p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _says(group: GroupLoss, found: GroupLosses) -> str:
    """`All 12 rows with language “fr” are dropped (of the others 18 %): 12 do not answer the question.`"""
    others, lost = found.rows - group.rows, found.dropped - group.dropped
    rows = f"All {group.rows:,}" if group.dropped == group.rows else f"{group.dropped:,} of {group.rows:,}"
    rest = f"of the others {percent(lost / others)}" if others else ""
    significance = f", {chance(group.p)}" if group.warning == "more" and group.p is not None else ""
    name = group_name(group.field, group.value)
    return f"{rows} rows with {name} are dropped ({rest}{significance}): {faults(group.reasons)}."


def _plain(text: str) -> str:
    """Text without what moves a terminal's cursor or turns the direction of other text."""
    return "".join(" " if unicodedata.category(c) == "Cc" or c in TURNING else c for c in text)

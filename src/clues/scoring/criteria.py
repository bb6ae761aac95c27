"""Criteria: the ways an answer can fail, each defined by how a public answer is spoiled for it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from clues.errors import SettingError
from clues.plugins import find
from clues.scoring.channel import FORWARD, GRADIENT, MARGIN, SCORE, TAUGHT, Channel
from clues.scoring.forward import counted_for

Spoil = Callable[[str, random.Random], str | None]
"""A response that fails in place of a good one; None where the text allows none. Draws from the generator alone."""


@dataclass(frozen=True)
class Criterion:
    """One way to fail, and the channels that see it."""

    name: str
    spoiling: str | Spoil
    """What a public answer looks like that fails: a kind of damage (see `data.damage`), or a function that makes it of
    one response. Empty where nothing is spoiled: the scores of a scorer, see `score_of`."""
    channels: tuple[Channel, ...] = ()
    """Channels that count; a trace over the checkpoints for a gradient channel. A criterion that a package brings
    leaves them out: it has its gradient channel alone."""
    layers: tuple[float, float] | None = None
    """Layers its gradient channel's direction is limited to, as shares of the depth; None: no such channel. For a
    criterion that a package brings None is all of them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its channels."""
        return tuple(channel.column for channel in self.channels)

    def layer_range(self, depth: int) -> range:
        """Indices of those layers in a model of `depth` layers; at least one."""
        assert self.layers is not None
        start = min(round(self.layers[0] * depth), depth - 1)
        return range(start, max(round(self.layers[1] * depth), start + 1))


LEAST = 4
"""Copies of public rows that a criterion needs: two for directions, two that these do not know."""
LAYERS = (0.26, 1.0)
"""The first quarter of the layers adds nothing, so the backward pass stops before it (docs/research/LOG.md)."""
LABEL = "label"
"""The criterion of short answers: is it the one that this row has?"""
GOOD = "good"
"""The class of rows that are spoiled for nothing: no criterion's name."""
OWNER = "owner"
"""The reason of a row that its owner decided to drop: no criterion's name."""


def seen_both_ways(name: str, spoiling: str) -> Criterion:
    """A criterion with its channels: what the base model expects, and where a step on the row would lead."""
    return Criterion(name, spoiling, (*counted_for(name), Channel(name, GRADIENT)), LAYERS)


CRITERIA = (
    seen_both_ways("fluency", "deletion"),
    seen_both_ways("relevance", "exchange"),
    seen_both_ways("completeness", "cut"),
    seen_both_ways("novelty", "repetition"),
)
"""Of free text."""
OURS = (
    *CRITERIA,
    Criterion(LABEL, "label", tuple(Channel(LABEL, kind) for kind in (FORWARD, GRADIENT, MARGIN, TAUGHT)), LAYERS),
)
"""Of free text, and of short answers."""


def by_kind(criteria: Iterable[Criterion], kind: str) -> tuple[Criterion, ...]:
    """The same criteria by their channels of one kind alone, such as `FORWARD`."""
    return tuple(replace(c, channels=tuple(x for x in c.channels if x.kind == kind)) for c in criteria)


def score_of(scorer: str) -> Criterion:
    """A scorer's numbers as the one criterion: nothing is spoiled for it."""
    return Criterion(scorer, "", (Channel(scorer, SCORE),))


def stated(criteria: Iterable[Criterion]) -> dict[str, list[str]]:
    """Criterion -> columns of its channels, as anchors.json and the wire say by what a bar holds rows against it."""
    return {c.name: list(c.columns) for c in criteria}


def criteria_stated(columns: Mapping[str, Sequence[str]]) -> tuple[Criterion, ...]:
    """The criteria that `stated` wrote, in their order. How rows are spoiled is known of ours alone.

    Raises SelectionError for a column that is no channel.
    """
    known = {c.name: c for c in OURS}
    return tuple(
        replace(known.get(name, Criterion(name, "")), channels=tuple(map(Channel.parse, some)))
        for name, some in columns.items()
    )


def criteria_named(names: Sequence[str], channels: str = "full") -> tuple[Criterion, ...]:
    """The criteria of a job: ours in our order, then those of installed packages (entry points in `clues.criteria`).

    Args:
        names: `scoring.criteria`. channels: `scoring.channels`; `forward` leaves the gradient channels out.

    Raises SettingError for a name that nobody has, a criterion that cannot be one, or that has no channel left.
    """
    if not names or len(set(names)) < len(names):
        raise SettingError(f"scoring.criteria is {list(names)}: at least one is needed, each once")
    ours = {c.name: c for c in OURS}
    found = {name: find("clues.criteria", name, ours, Criterion) for name in names}
    chosen = tuple(c for c in OURS if c.name in names)
    chosen += tuple(_checked(c) for name, c in found.items() if name not in ours)
    if channels == "forward":
        chosen = by_kind(chosen, FORWARD)
    for c in chosen:
        if not c.channels:
            raise SettingError(f'the criterion {c.name} has a gradient channel alone: scoring.channels must be "full"')
    return chosen


def _checked(c: Criterion) -> Criterion:
    if not re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", c.name) or c.name in (OWNER, GOOD):
        raise SettingError(
            f"{c.name!r} cannot be a criterion's name: letters and digits with - between them, not {OWNER} or {GOOD}"
        )
    own = (Channel(c.name, GRADIENT),)
    if c.channels not in ((), own):
        raise SettingError(
            f"criterion {c.name}: leave channels out; a package's criterion has its gradient channel alone"
        )
    low, high = c.layers or (0.0, 1.0)
    if not 0 <= low < high <= 1:
        raise SettingError(
            f"criterion {c.name}: layers are {c.layers}; two shares of the depth are needed, as in (0.3, 0.7)"
        )
    return replace(c, channels=own, layers=(low, high))

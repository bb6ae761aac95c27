"""power.json: how much known damage the bar catches here, and whether shaded words point at what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class KindPower:
    """Public rows that were spoiled in one way."""

    p: tuple[float, ...]
    """Of each; those at or under alpha are caught."""


@dataclass(frozen=True)
class Shading:
    """What the shading of words is worth, see `owner.power.shading`; without values where no noise could be made."""

    auc: float | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Power:
    """The content of power.json."""

    kinds: Mapping[str, KindPower]
    shading: Shading = field(default_factory=Shading)

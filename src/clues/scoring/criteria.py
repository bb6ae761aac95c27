"""Criteria: the ways an answer can fail, each defined by how a public answer is spoiled for it."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Criterion:
    """One way to fail, and the channels that see it."""

    name: str
    spoiling: str
    """Kind of damage (see `data.damage`): what a public answer looks like that fails."""
    channels: tuple[str, ...]
    """Channels that count; a trace over the checkpoints for a gradient channel."""
    layers: tuple[float, float] | None = None
    """Layers its gradient channel's direction is limited to, as shares of the depth; None: no such channel."""

    def layer_range(self, depth: int) -> range:
        """Indices of those layers in a model of `depth` layers; at least one."""
        assert self.layers is not None
        start = min(round(self.layers[0] * depth), depth - 1)
        return range(start, max(round(self.layers[1] * depth), start + 1))


CRITERIA = (
    Criterion("fluency", "deletion", ("fluency.forward",)),
    Criterion("relevance", "exchange", ("relevance.forward", "relevance.gradient"), (0.26, 0.73)),
    Criterion("completeness", "cut", ("completeness.forward", "completeness.gradient"), (0.73, 1.0)),
)
"""Fluency by its forward channel alone: the plain likelihood gradient adds nothing to it. Relevance lives in the
middle layers, completeness in the last ones (docs/LOG.md)."""


def forward_only(criteria: tuple[Criterion, ...] = CRITERIA) -> tuple[Criterion, ...]:
    """The same criteria without their gradient channels."""
    return tuple(replace(c, channels=tuple(x for x in c.channels if x.endswith(".forward"))) for c in criteria)

"""Criteria: the ways an answer can fail, each defined by how a public answer is spoiled for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criterion:
    """One way to fail. Its value is the mean of its channels, each on the anchors' scale."""

    name: str
    channels: tuple[str, ...]
    """Channels that count; a trace over the checkpoints for gradient channels."""
    spoiling: str = ""
    """Kind of damage (see `data.damage`) whose contrast gives the direction; empty: no gradient channel."""
    layers: tuple[float, float] = (0.0, 1.0)
    """Layers the direction is limited to, as shares of the depth."""

    def layer_range(self, depth: int) -> range:
        """Indices of those layers in a model of `depth` layers; at least one."""
        start = min(round(self.layers[0] * depth), depth - 1)
        return range(start, max(round(self.layers[1] * depth), start + 1))


CRITERIA = (
    Criterion("fluency", ("fluency.forward",)),
    Criterion("relevance", ("relevance.forward", "relevance.gradient"), "exchange", (0.26, 0.73)),
    Criterion("completeness", ("completeness.forward", "completeness.gradient"), "cut", (0.73, 1.0)),
)
"""Fluency by its forward channel alone: the plain likelihood gradient adds nothing to it; relevance lives in the middle
layers, completeness in the last ones (docs/LOG.md names the measurements)."""


def forward_only(criteria: tuple[Criterion, ...] = CRITERIA) -> tuple[Criterion, ...]:
    """The same criteria without their gradient channels."""
    return tuple(Criterion(c.name, tuple(x for x in c.channels if x.endswith(".forward"))) for c in criteria)

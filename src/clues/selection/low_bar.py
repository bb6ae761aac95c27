"""Are the anchors good? What their own evidence says of the bar that they set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LOW = -2.0
"""Evidence, nats. With a tenth of the anchors spoiled the bar at alpha = 0.1 lay lower in most draws, with a fifth in
nearly all; with clean ones in at most 6 % of the draws of 20 anchors and in none of 40 or more (docs/LOG.md)."""
SHOWN = 10


def low_bar_warning(statistic: Sequence[float], rule: str, alpha: float) -> str:
    """What to say of a bar at which a row looks spoiled; nothing where it does not.

    Spoiled anchors cost no good row, but rows like them pass. Anchors are public: anyone may read them and take out
    what is no good answer, which breaks no promise (Bashari et al., arXiv 2502.04807: trim only what was looked at).

    Args:
        statistic: [n] the anchors' evidence on their worst criterion, nats; in the order of their file.
    """
    rank = int(alpha * (len(statistic) + 1) + 1e-9)
    if rule != "conformal" or not rank:
        return ""
    order = np.argsort(statistic, kind="stable")[:rank].tolist()
    if (level := float(statistic[order[-1]])) >= LOW:
        return ""
    worst = ", ".join(str(i + 1) for i in order[:SHOWN])
    count, times = f"{rank} of {len(statistic)} anchors look{'s' * (rank == 1)}", np.exp(min(-level, 9))
    return (
        f"The bar is low: {count} at least {times:.0f} times more like spoiled answers than like good ones, and rows "
        f"like them pass. Read the worst anchors: of the usable ones, in the order of their file, number {worst}; take "
        "out those that are no good answers, and score again."
    )

"""The published selection on the same rows: its score against the mean of the anchors' scores.

It is given its best chance: both forms of the score (dot and Adam), with the paper's 10 anchors and with all of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from clues.evaluation.scored import Scored
from clues.evaluation.shares import shares_of
from clues.folders.metrics import Area, Published, PublishedVariant
from clues.scoring.channel import Channel
from clues.statistics.ranking import auc, auc_by_kind

FORMS = ("dot", "adam")
PAPER_ANCHORS = 10


def published_metrics(scored: Scored, anchors: Mapping[str, Sequence[float]]) -> Published | None:
    """The best of the four variants by F1, then AUC, and all under `variants`; None where the job did not ask.

    anchors: values of the anchors [n] per channel, from anchors.json; `published.dot` and `published.adam` are read.
    """
    variants: dict[str, PublishedVariant] = {}
    for form in FORMS:
        channel = Channel("published", form).column
        if np.isnan(scored.channels.get(channel, np.nan)).all():
            continue
        if channel not in anchors:
            raise ValueError(f"anchors.json has no `{channel}` although rows were scored by it: score the anchors too")
        for count, name in ((PAPER_ANCHORS, f"{PAPER_ANCHORS} anchors"), (None, "all anchors")):
            variants[f"{form}, {name}"] = _variant(scored, channel, float(np.mean(anchors[channel][:count])))
    if not variants:
        return None
    which = max(variants, key=lambda name: (variants[name].f1 or 0.0, variants[name].auc or 0.0))
    return Published(**vars(variants[which]), which=which, variants=variants)


def _variant(scored: Scored, channel: str, bar: float) -> PublishedVariant:
    score = scored.channels[channel]
    if not np.isfinite(score).all():
        raise ValueError(f"`{channel}` is not finite on {int((~np.isfinite(score)).sum())} scored rows")
    shares = shares_of(score >= bar, scored.clean)
    kinds = auc_by_kind(scored.kind, scored.clean, score)
    areas = {name: Area(area) for name, area in kinds.items()}
    return PublishedVariant(**vars(shares), auc=auc(scored.clean, score), kinds=areas)

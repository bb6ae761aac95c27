"""The product's own verdict on a world's rows. Everything that clues itself says of labels is computed here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clues.models.base import LanguageModel
from clues_research.labels.worlds import World


def product_scores(world: World, lm: LanguageModel, checkpoints: Path, seed: int) -> dict[str, np.ndarray]:
    """Scorer -> [R + n] on the client rows and then the anchors, higher is better, NaN where there is none.

    `clues` is the statistic that a row is ranked by, `clues.p` its p-value, `clues.kept` 1 or 0 by the rule `fdr`
    (the anchors' part of both is not read), and `clues.<channel>` one channel.

    Args:
        lm: with an adapter, whose weights may be set.
        checkpoints: folder of the warm-up's adapters, `checkpoint-<steps>.safetensors`, which every rival reads, too.
    """
    del world, lm, checkpoints, seed
    return {}

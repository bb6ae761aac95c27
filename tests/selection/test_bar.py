"""The bar of a job from what was scored of the public rows: what the job counts must be there."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from clues.errors import SelectionError
from clues.scoring.channel import FORWARD, Channel, Channels
from clues.scoring.criteria import CRITERIA, GOOD, Criterion, by_kind, criteria_named
from clues.selection.bar import bar_of
from tests.selection.test_select import NAMES, table

CLASSES = (GOOD, *NAMES)


def folder(channels: Channels, criteria: Sequence[Criterion] = CRITERIA) -> Any:
    """What was scored of the anchors, or of the validation rows and their copies."""
    validation = SimpleNamespace(
        spoiled=dict.fromkeys(NAMES),
        origins=dict.fromkeys(NAMES, np.arange(20)),
        fold_of=np.arange(20) % 4,
        left_out={"label": 0},
        criteria=tuple(criteria),
        by_class=lambda values: dict(zip(CLASSES, np.split(values, len(CLASSES)), strict=True)),
    )
    return cast(Any, SimpleNamespace(channels=lambda _domains: channels, validation=validation))


def without_checkpoints(channels: Channels) -> Channels:
    """As a folder is in which no checkpoint was scored."""
    return {name: values for name, values in channels.items() if Channel.parse(name).kind == FORWARD}


@pytest.mark.parametrize("missing", ["anchors", "validation"])
def test_a_job_that_says_full_has_its_gradient_channels_or_an_error(missing):
    parts: dict[str, Channels] = {"anchors": table(30, 1), "validation": table(100, 2)}
    whole = bar_of(folder(parts["anchors"]), folder(parts["validation"]))
    assert whole.criteria == CRITERIA
    parts[missing] = without_checkpoints(parts[missing])
    with pytest.raises(SelectionError, match=r"fluency\.gradient is missing .* at a checkpoint that"):
        bar_of(folder(parts["anchors"]), folder(parts["validation"]))


def test_a_job_that_says_forward_counts_no_other_channel_that_lies_there():
    criteria = criteria_named([c.name for c in CRITERIA], "forward")
    bar = bar_of(folder(table(30, 1)), folder(table(100, 2), criteria))
    assert bar.criteria == by_kind(CRITERIA, FORWARD)
    assert len(bar.good["novelty.gradient"]) == len(bar.spoiled["novelty"]["novelty.gradient"]) == 20

"""Never worse than chance, on the study's own tables: what sees there keeps its say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clues.selection.seen import with_a_say
from clues_research.selection import ours
from clues_research.selection.read import Table

TABLES = sorted((Path(__file__).parents[1] / "results" / "channels").glob("*-half-*.parquet"))


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_no_channel_of_the_study_is_left_out(file):
    table, variant = Table.load(file), ours.Variant()
    bar = ours.bar_of(table, ours.channels(table, variant), variant)
    rows = len(next(iter(bar.good.values())))
    origins = {c.name: np.arange(rows) for c in bar.criteria}
    kept, left = with_a_say(bar.criteria, bar.good, bar.spoiled, origins, np.arange(rows) % 4)
    assert left == []
    assert kept == bar.criteria

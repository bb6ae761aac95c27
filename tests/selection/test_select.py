"""Verdicts on rows: reasons, missing channels, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.scoring.criteria import CRITERIA, forward_only
from clues.selection.select import SelectionError, select

CHANNELS = [channel for criterion in CRITERIA for channel in criterion.channels]


def table(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=rows) for name in CHANNELS}


def test_the_reason_is_the_worst_criterion():
    rows, anchors = table(3), table(40, 1)
    for name in rows:
        rows[name][:] = 0.5
    rows["relevance.forward"][0] = rows["relevance.gradient"][0] = -8
    rows["completeness.forward"][1] = -9
    found = select(rows, anchors, CRITERIA, SelectionSettings())
    assert found.keep.tolist() == [False, False, True]
    assert found.reason == ("relevance", "completeness", "")
    assert found.z[0, 1] < -3
    assert found.p[0] == pytest.approx(1 / 41)


def test_a_row_without_an_end_is_judged_by_what_it_has():
    rows, anchors = table(4), table(30, 1)
    rows["completeness.forward"][2] = np.nan
    found = select(rows, anchors, CRITERIA, SelectionSettings())
    without = [c for c in CRITERIA if c.name != "completeness"]
    alone = select({n: v[2:3] for n, v in rows.items()}, anchors, without, SelectionSettings())
    assert np.isnan(found.z[2, 2])
    assert found.p[2] == alone.p[0]
    assert np.isfinite(found.p).all()
    others = select({n: np.delete(v, 2) for n, v in rows.items()}, anchors, CRITERIA, SelectionSettings())
    assert np.delete(found.p, 2).tolist() == others.p.tolist()


def test_forward_only_criteria_need_no_gradient():
    rows = {n: v for n, v in table(5).items() if n.endswith(".forward")}
    anchors = {n: v for n, v in table(30, 1).items() if n.endswith(".forward")}
    assert len(select(rows, anchors, forward_only(), SelectionSettings()).p) == 5


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows, _: rows.pop("fluency.forward"), "channel fluency.forward is missing"),
        (lambda _, anchors: anchors["relevance.forward"].__setitem__(3, np.nan), "an anchor has no value"),
        (lambda _, anchors: anchors.update({n: v[:0] for n, v in anchors.items()}), "no anchor"),
        (lambda rows, _: [v.__setitem__(0, np.nan) for v in rows.values()], "no value in any channel"),
    ],
)
def test_what_cannot_be_judged_is_refused(spoil, message):
    rows, anchors = table(5), table(20, 1)
    spoil(rows, anchors)
    with pytest.raises(SelectionError, match=message):
        select(rows, anchors, CRITERIA, SelectionSettings())


def test_no_rows_is_no_error():
    assert select(table(0), table(20, 1), CRITERIA, SelectionSettings()).keep.shape == (0,)

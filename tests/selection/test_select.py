"""Verdicts on rows: reasons, missing channels, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.scoring.criteria import CRITERIA
from clues.selection.bar import Bar
from clues.selection.select import SelectionError, select

CHANNELS = [channel for criterion in CRITERIA for channel in criterion.channels]
WORSE = {"fluency": "fluency.forward", "relevance": "relevance.", "completeness": "completeness."}


def table(rows: int, seed: int = 0, worse: str = "none") -> dict[str, np.ndarray]:
    """Channels as they are: likelihoods below 0, gains above, gradients around 0; smaller where `worse`."""
    rng = np.random.default_rng(seed)
    size = {name: np.exp(0.3 * rng.normal(size=rows) + name.startswith(worse)) for name in CHANNELS}
    gain = np.exp(1 + 0.3 * rng.normal(size=rows) - "relevance".startswith(worse[:9]) * 2)
    gradients = {n: rng.normal(size=rows) - 3 * n.startswith(worse) for n in CHANNELS if n.endswith("gradient")}
    return {n: -size[n] for n in CHANNELS} | {"relevance.forward": gain} | gradients


def bar(n: int = 40) -> Bar:
    return Bar(table(n, 1), {name: table(20, 2 + i, worse) for i, (name, worse) in enumerate(WORSE.items())})


def test_the_reason_is_the_worst_criterion():
    rows = [table(1, 50 + i, worse) for i, worse in enumerate(WORSE.values())] + [table(1, 99)]
    for name in CHANNELS:
        rows[3][name] = np.median(bar().anchors[name], keepdims=True)
    found = select({n: np.concatenate([r[n] for r in rows]) for n in CHANNELS}, bar(), SelectionSettings())
    assert found.keep.tolist() == [False, False, False, True]
    assert found.reason == ["fluency", "relevance", "completeness", ""]
    assert found.evidence.min(axis=1).tolist() == found.statistic.tolist()
    assert found.p[1] == pytest.approx(1 / 41)


def test_a_row_without_an_end_is_judged_by_what_it_has():
    rows = table(4)
    rows["completeness.forward"][2] = np.nan
    found = select(rows, bar(), SelectionSettings())
    assert np.isnan(found.evidence[2, 2])
    assert np.isfinite(found.p).all()
    others = select({n: np.delete(v, 2) for n, v in rows.items()}, bar(), SelectionSettings())
    assert np.delete(found.p, 2).tolist() == others.p.tolist()
    whole = table(4)
    assert found.evidence[2, :2].tolist() == select(whole, bar(), SelectionSettings()).evidence[2, :2].tolist()
    assert found.worst[2] in (0, 1)


def test_forward_channels_alone_need_no_gradient():
    def forward(channels):
        return {n: v for n, v in channels.items() if n.endswith(".forward")}

    small = Bar(forward(bar().anchors), {name: forward(channels) for name, channels in bar().spoiled.items()})
    assert len(select(forward(table(5)), small, SelectionSettings()).p) == 5


def test_the_bar_travels_as_arrays():
    again = Bar.from_arrays(bar().to_arrays())
    assert (
        select(table(9), again, SelectionSettings()).p.tolist()
        == select(table(9), bar(), SelectionSettings()).p.tolist()
    )
    assert again.size == 40
    assert again.without(3).size == 39


def no_anchors(_, public):
    return Bar({n: v[:0] for n, v in public.anchors.items()}, public.spoiled)


def odd_anchor(_, public):
    return Bar(public.anchors | {"relevance.forward": np.full(40, np.nan)}, public.spoiled)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows, _: rows.pop("fluency.forward"), "channel fluency.forward is missing"),
        (odd_anchor, "a public row has no value in channel relevance.forward"),
        (no_anchors, "no anchor"),
        (lambda rows, _: [v.__setitem__(0, np.nan) for v in rows.values()], "no value in any channel"),
    ],
)
def test_what_cannot_be_judged_is_refused(spoil, message):
    rows, public = table(5), bar()
    changed = spoil(rows, public)
    with pytest.raises(SelectionError, match=message):
        select(rows, changed if isinstance(changed, Bar) else public, SelectionSettings())


def test_no_rows_is_no_error():
    assert select(table(0), bar(), SelectionSettings()).keep.shape == (0,)


def test_scores_of_a_scorer_are_held_against_the_anchors_by_rank():
    public = Bar({"less.score": np.arange(9.0), "less.score@1": np.zeros(9)}, {})
    rows = {"less.score": np.array([-1.0, 4.5, 20.0])}
    found = select(rows, public, SelectionSettings())
    assert found.criteria == ("less",)
    assert found.p.tolist() == [0.1, 0.6, 1.0]
    assert found.reason == ["less", "", ""]
    mean = select(rows, Bar.from_arrays(public.to_arrays()), SelectionSettings(rule="anchor-mean"))
    assert mean.keep.tolist() == [False, True, True]  # the published rule: the anchors' mean is 4
    assert select(rows, public, SelectionSettings(rule="score", score=0.1)).keep.tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("rows", "anchors", "message"),
    [
        ([np.nan], [1.0, 2.0], "a row has no value in less.score"),
        ([1.0], [np.nan], "an anchor has no value"),
        ([1.0], [], "no anchor"),
    ],
)
def test_scores_that_cannot_be_judged_are_refused(rows, anchors, message):
    with pytest.raises(SelectionError, match=message):
        select({"less.score": np.array(rows)}, Bar({"less.score": np.array(anchors)}, {}), SelectionSettings())


def test_a_bar_has_the_criteria_that_rows_were_spoiled_for():
    channels = table(20, 5) | {"style.gradient": np.random.default_rng(0).normal(size=20)}
    some = Bar(channels, dict.fromkeys(("style", "fluency"), channels))
    assert [(c.name, c.channels) for c in some.criteria] == [
        ("fluency", ("fluency.forward",)),
        ("style", ("style.gradient",)),
    ]

"""Verdicts on rows: reasons, missing channels, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.errors import SelectionError
from clues.scoring.channel import FORWARD, Channel
from clues.scoring.criteria import CRITERIA, by_kind, criteria_stated, score_of, stated
from clues.selection.bar import Bar
from clues.selection.select import calibrate, select

CHANNELS = [column for criterion in CRITERIA for column in criterion.columns]
NAMES = [criterion.name for criterion in CRITERIA]


def table(rows: int, seed: int | list[int] = 0, worse: str = "none") -> dict[str, np.ndarray]:
    """Channels as they are: log-likelihoods below 0, gains and surprises above, gradients around 0; smaller where the
    rows are spoiled for the criterion `worse`. On the scale that they are judged on all are normal."""
    rng, found = np.random.default_rng(seed), {}
    for name in NAMES:
        size, bad = np.exp(0.3 * rng.normal(size=rows)), 1.5 * (name == worse)
        gain = name in ("relevance", "novelty")
        found[f"{name}.forward"] = size * np.exp(-bad) if gain else -size * np.exp(bad)
        found[f"{name}.gradient"] = rng.normal(size=rows) - 2 * bad
    return found


def bar(n: int = 40) -> Bar:
    return Bar(table(n, 1), table(20, 2), {name: table(20, 3 + i, name) for i, name in enumerate(NAMES)}, CRITERIA)


def test_the_reason_is_the_worst_criterion():
    rows = [table(1, 50 + i, name) for i, name in enumerate(NAMES)] + [table(1, 99)]
    for name in CHANNELS:
        rows[4][name] = np.median(bar().anchors[name], keepdims=True)
    found = select({n: np.concatenate([r[n] for r in rows]) for n in CHANNELS}, bar(), SelectionSettings())
    assert found.keep.tolist() == [False] * 4 + [True]
    assert found.reason == [*NAMES, ""]
    assert found.evidence.min(axis=1).tolist() == found.statistic.tolist()
    assert (np.diag(found.evidence) < 0).all()  # looks spoiled
    assert (found.evidence[4] > 0).all()
    assert found.p[1] == pytest.approx(1 / 41)


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_counts_towards_the_bad_side(name):
    """A smaller value is worse, on whatever scale it is judged."""
    rows = {channel: np.full(3, np.median(bar().anchors[channel])) for channel in CHANNELS}
    rows[name] = np.quantile(bar().anchors[name], [0.1, 0.5, 0.9])
    found, j = select(rows, bar(), SelectionSettings()), NAMES.index(Channel.parse(name).source)
    assert (np.diff(found.evidence[:, j]) > 0).all()
    assert np.ptp(np.delete(found.evidence, j, axis=1), axis=0).tolist() == [0.0] * 3


def test_what_evidence_is_comes_from_the_public_validation_rows_alone():
    """So neither the anchors nor the other rows have a part in a row's evidence."""
    rows = select(table(5), bar(), SelectionSettings())
    assert select(table(5), bar(7), SelectionSettings()).evidence.tolist() == rows.evidence.tolist()
    one = {name: values[2:3] for name, values in table(5).items()}
    alone = select(one, bar(), SelectionSettings())
    assert alone.evidence[0] == pytest.approx(rows.evidence[2])
    assert alone.p[0] == rows.p[2]
    other = replace(bar(), good={n: v - 0.3 for n, v in bar().good.items()})
    assert (select(table(5), other, SelectionSettings()).evidence != rows.evidence).all()


def test_likelihoods_beyond_what_can_be_told_are_judged_alike():
    """A gain below 0, or a word as foreseen as can be, is no number to take a logarithm of."""
    rows = table(3)
    rows["relevance.forward"][:] = [-5.0, 0.0, 0.01]
    rows["novelty.forward"][:] = [0.0, 0.0, 0.001]
    rows["completeness.forward"][:] = [0.0, -1e-9, -1e-4]
    found = select(rows, bar(), SelectionSettings()).evidence
    for j, name in ((1, "relevance"), (2, "completeness"), (3, "novelty")):
        rows[f"{name}.gradient"][:] = 0
        found = select(rows, bar(), SelectionSettings()).evidence[:, j]
        assert np.isfinite(found).all()
        assert np.ptp(found) < 1e-9


def test_a_row_without_an_end_is_judged_by_what_it_has():
    rows = table(4)
    rows["completeness.forward"][2] = np.nan
    found = select(rows, bar(), SelectionSettings())
    assert np.isnan(found.evidence[2, 2])
    assert np.isfinite(found.p).all()
    others = select({n: np.delete(v, 2) for n, v in rows.items()}, bar(), SelectionSettings())
    assert np.delete(found.p, 2).tolist() == others.p.tolist()
    whole = table(4)
    kept = [0, 1, 3]
    assert found.evidence[2, kept].tolist() == select(whole, bar(), SelectionSettings()).evidence[2, kept].tolist()
    assert found.worst[2] in kept
    anchors = calibrate(bar().anchors, bar()).evidence[:, kept].min(axis=1)  # by the same criteria
    assert found.p[2] == (1 + (anchors <= found.statistic[2]).sum()) / 41


def test_forward_channels_alone_need_no_gradient():
    def forward(channels):
        return {n: v for n, v in channels.items() if Channel.parse(n).kind == FORWARD}

    spoiled = {name: forward(channels) for name, channels in bar().spoiled.items()}
    small = Bar(forward(bar().anchors), forward(bar().good), spoiled, by_kind(CRITERIA, FORWARD))
    found = select(forward(table(5)), small, SelectionSettings())
    assert found.criteria == tuple(NAMES)
    assert (found.evidence != select(table(5), bar(), SelectionSettings()).evidence).all()


def test_the_bar_travels_as_arrays():
    again = Bar.from_arrays(bar().to_arrays(), criteria_stated(stated(bar().criteria)))
    assert again.criteria == CRITERIA
    assert (
        select(table(9), again, SelectionSettings()).p.tolist()
        == select(table(9), bar(), SelectionSettings()).p.tolist()
    )
    assert again.size == 40
    assert again.without(3).size == 39

    assert again.without_spoiled("novelty", 3).spoiled["novelty"]["novelty.forward"].tolist() == (
        np.delete(bar().spoiled["novelty"]["novelty.forward"], 3).tolist()
    )


def no_anchors(_, public):
    return replace(public, anchors={n: v[:0] for n, v in public.anchors.items()})


def odd(part: str):
    def spoil(_, public):
        channels = public.spoiled["relevance"] if part == "spoiled" else getattr(public, part)
        changed = channels | {"relevance.forward": np.append(channels["relevance.forward"][1:], np.nan)}
        return replace(public, **{part: {**public.spoiled, "relevance": changed} if part == "spoiled" else changed})

    return spoil


def one_good(_, public):
    return replace(public, good={n: v[:1] for n, v in public.good.items()})


def one_spoiled(_, public):
    cut = {n: v[:1] for n, v in public.spoiled["novelty"].items()}
    return replace(public, spoiled={**public.spoiled, "novelty": cut})


def old_bar(_, public):
    return replace(public, good={})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows, _: rows.pop("fluency.forward"), "channel fluency.forward is missing"),
        (odd("anchors"), "a public row has no value in channel relevance.forward"),
        (odd("good"), "a public row has no value in channel relevance.forward"),
        (odd("spoiled"), "a public row has no value in channel relevance.forward"),
        (one_good, "fewer than two public rows that are good"),
        (one_spoiled, "fewer than two public rows that are good, or spoiled for novelty"),
        (old_bar, "channel fluency.forward is missing"),
        (no_anchors, "no anchor"),
    ],
)
def test_what_cannot_be_judged_is_refused(spoil, message):
    def judge() -> None:
        rows, public = table(5), bar()
        changed = spoil(rows, public)
        select(rows, changed if isinstance(changed, Bar) else public, SelectionSettings())

    with pytest.raises(SelectionError, match=message):
        judge()


def test_no_rows_is_no_error():
    assert select(table(0), bar(), SelectionSettings()).keep.shape == (0,)


def test_scores_of_a_scorer_are_held_against_the_anchors_by_rank():
    public = Bar({"less.score": np.arange(9.0), "less.score@1": np.zeros(9)}, {}, {}, (score_of("less"),))
    rows = {"less.score": np.array([-1.0, 4.5, 20.0])}
    found = select(rows, public, SelectionSettings())
    assert found.criteria == ("less",)
    assert found.p.tolist() == [0.1, 0.6, 1.0]
    assert found.reason == ["less", "", ""]
    again = Bar.from_arrays(public.to_arrays(), criteria_stated({"less": ["less.score"]}))
    mean = select(rows, again, SelectionSettings(rule="anchor-mean"))
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
    public = Bar({"less.score": np.array(anchors)}, {}, {}, (score_of("less"),))
    with pytest.raises(SelectionError, match=message):
        select({"less.score": np.array(rows)}, public, SelectionSettings())


def test_a_bar_that_counts_gradients_refuses_public_rows_without_them():
    """No checkpoint was reached: the job's word stands, and the bar does not quietly do with less."""
    public = bar()
    forward = {n: v for n, v in public.anchors.items() if Channel.parse(n).kind == FORWARD}
    with pytest.raises(SelectionError, match=r"fluency\.gradient is missing among the anchors.*at a checkpoint"):
        replace(public, anchors=forward)
    with pytest.raises(SelectionError, match=r"novelty\.gradient is missing among the rows spoiled for novelty"):
        replace(public, spoiled={**public.spoiled, "novelty": forward})
    with pytest.raises(SelectionError, match="states no criterion"):
        replace(public, criteria=())
    with pytest.raises(SelectionError, match=r"novelty\.forward is missing among the rows spoiled for novelty"):
        replace(public, spoiled={name: public.spoiled[name] for name in NAMES[:3]})


def test_a_bar_has_the_criteria_that_are_stated():
    """Whatever other channels there are, and those of a package without the package."""
    channels = table(20, 5) | {"style.gradient": np.random.default_rng(0).normal(size=20)}
    columns = {"style": ["style.gradient"], "fluency": ["fluency.gradient"]}
    some = Bar(channels, channels, dict.fromkeys(columns, channels), criteria_stated(columns))
    assert stated(some.criteria) == columns
    assert [c.spoiling for c in some.criteria] == ["", "deletion"]
    found = select(channels, some, SelectionSettings())
    assert found.criteria == ("style", "fluency")

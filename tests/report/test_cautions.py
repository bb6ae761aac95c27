from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import binomtest

from clues.folders.members import Fault, Member, Members
from clues.folders.power import KindPower, Power, Shading
from clues.folders.selection import ClientCounts, Unseen
from clues.folders.training import ArmLog, ClientRound, Round, TrainingLog
from clues.report import cautions
from clues.report.federation import participation, totals
from clues.report.power import power_view, shading_sentence


def test_whole_clients_and_overlap():
    counts = {
        "a": ClientCounts(9, 0, 9, {}, overlap=2),
        "b": ClientCounts(9, 9, 0, {}),
        "c": ClientCounts(0, 0, 0, {}),
    }
    titles = [c.title for c in cautions.about_clients(counts)]
    assert titles == ["A whole client was dropped", "Rows overlap with the public sets"]


def test_unseen_source_is_warned_about_only_when_treated_unfairly():
    assert not cautions.about_unseen(Unseen("x", 24, 21), 0.1)
    assert cautions.about_unseen(Unseen("x", 24, 15), 0.1)
    assert not cautions.about_unseen(None, 0.1)


def test_a_failed_client_has_not_joined():
    good, bad = ClientRound(8, 2.0, 1.0, 10, 5, ""), ClientRound(None, None, None, 10, 0, "no-rows")
    late = replace(bad, error="late")
    rounds = (Round.of(1, {"a": good, "b": bad}), Round.of(2, {"a": good, "b": late}))
    arm = ArmLog(rounds, (Round.of(1, {"a": good, "b": good}),))
    assert [one.failed for one in rounds] == [("b",), ("b",)]
    found = participation(arm)
    assert (found["a"].joined, found["a"].updates, found["a"].bytes_up, found["a"].seconds) == (2, 3, 15, 3.0)
    assert (found["b"].joined, found["b"].late, found["b"].failed, found["b"].updates) == (0, 1, 1, 1)
    assert totals(TrainingLog({"x": arm})).updates == 4
    [caution] = cautions.about_training(TrainingLog({"x": arm}))
    assert caution.text.startswith("Late: b in round 2 of x; Failed: b in round 1 of x (no-rows).")
    assert not cautions.about_training(TrainingLog({"x": ArmLog(alone=arm.alone)}))


def test_a_pass_that_was_missed_is_told_apart_from_one_that_was_never_done():
    faults = (
        Fault("base", "b", "unreachable"),
        Fault("selection", "c", "bad-reply", "there is no row"),
        Fault("mixed round 1", "c", "late"),
    )
    [caution] = cautions.about_passes(Members({"b": Member(("base",))}, faults))
    assert caution.text == "Caught up with later: b base (unreachable); Never done: c selection (there is no row)."
    assert caution.loud
    assert not cautions.about_passes(Members({}, faults[2:]))


def test_power_shows_the_worst_kind_first_and_shading_is_disowned_when_it_points_nowhere():
    kinds = {"cut": KindPower((*[0.1] * 14, 0.11, 0.5)), "exchange": KindPower((*[0.01] * 4, *[0.2] * 12))}
    view = power_view(Power(kinds), 0.1)
    assert view is not None
    assert list(view.kinds) == ["exchange", "cut"]
    found = binomtest(14, 16).proportion_ci(0.95, method="exact")  # as every other share on that page
    assert (view.kinds["cut"].low, view.kinds["cut"].high) == pytest.approx((found.low, found.high))
    assert power_view(None, 0.1) is power_view(Power({}), 0.1) is None
    assert "no evidence" in shading_sentence(Shading(0.52, 16))
    assert "0.91" in shading_sentence(Shading(0.91, 16))
    assert "no evidence unless noise words" in shading_sentence(Shading())
    assert "not been tested here" in shading_sentence(Shading())

"""Cautions about a bar: whom they name, that good anchors raise none, and that page, terminal and file say the same."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest

from clues.cli.text.kept import Kept, kept_text
from clues.config import SelectionSettings
from clues.folders.bar import StoredBar
from clues.folders.owner import OwnerFolder
from clues.folders.summary import ClientSummary, Decisions, Origin
from clues.selection.bar import Bar
from clues.selection.cautions import LOW, Caution, about_bar
from clues.selection.select import calibrate
from tests.selection.test_select import bar, table


def codes(statistic: list[float], rule: str = "conformal", alpha: float = 0.1, is_evidence: bool = True) -> list[str]:
    return [caution.code for caution in about_bar(statistic, rule, alpha, is_evidence)]


def dirty_bar(spoiled: list[int], n: int = 40) -> Bar:
    """The bar of test_select, with some anchors that were spoiled for relevance."""
    good, bad = bar(n), table(n, 77, "relevance")
    places = np.isin(np.arange(n), spoiled)
    return replace(good, anchors={name: np.where(places, bad[name], v) for name, v in good.anchors.items()})


def cautions(bar: Bar, settings: SelectionSettings) -> list[Caution]:
    return StoredBar.of(bar, settings).cautions


def test_the_worst_anchors_are_named_in_the_order_of_their_file():
    spoiled = [3, 11, 20, 21, 30, 35, 36, 39]
    (caution,) = cautions(dirty_bar(spoiled), SelectionSettings(alpha=0.1))
    named = [int(number) - 1 for number in re.findall(r"\d+", caution.text.split("number ")[1])]
    assert len(named) == int(0.1 * 41)
    assert set(named) <= set(spoiled)
    statistic = calibrate(dirty_bar(spoiled).anchors, dirty_bar(spoiled)).statistic
    assert named == np.argsort(statistic)[: len(named)].tolist()
    assert caution.values["worst"] == [place + 1 for place in named]
    assert f"{len(named)} of 40 anchors" in caution.text


@pytest.mark.parametrize("settings", [SelectionSettings(), SelectionSettings("fdr")])
def test_good_anchors_raise_no_caution(settings):
    assert cautions(bar(), settings) == []


def test_only_rules_that_have_such_a_bar_and_alphas_that_reach_it_call_it_low():
    statistic = [LOW - 1.0] * 4 + [3.0] * 36
    assert codes(statistic) == ["low-bar"]
    assert codes(statistic, alpha=0.2) == []
    assert codes(statistic, alpha=0.001) == ["nothing-dropped"]
    assert codes(statistic, "ratio") == codes(statistic, "fdr") == []
    assert codes(statistic, is_evidence=False) == []  # a scorer's scores do not say how spoiled an anchor looks


def test_too_few_anchors_for_alpha():
    (caution,) = about_bar([3.0] * 64, "conformal", 0.01)
    assert (caution.code, caution.values["needed"]) == ("nothing-dropped", 99)
    assert "99 anchors or more" in caution.text
    assert codes([3.0] * 98, alpha=0.01) == ["nothing-dropped"]
    assert codes([3.0] * 99, alpha=0.01) == codes([3.0] * 298, alpha=0.01) == ["few-anchors-decide"]
    assert codes([3.0] * 299, alpha=0.01) == codes([3.0] * 64) == []
    assert codes([3.0] * 29) == codes([3.0] * 4, "ratio") == ["few-anchors"]


@pytest.mark.parametrize("spoiled", [[], [3, 11, 20, 21, 30, 35, 36, 39]])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("n", [20, 40])
def test_page_terminal_and_file_say_the_same(tmp_path, spoiled, alpha, n):
    tried, settings = dirty_bar(spoiled, n), SelectionSettings(alpha=alpha)
    found = cautions(tried, settings)
    OwnerFolder(tmp_path).anchors.write(StoredBar.of(tried, settings))
    assert OwnerFolder(tmp_path).anchors.read().cautions == found  # the page's
    written = tuple(Caution(**each) for each in json.loads(json.dumps([asdict(each) for each in found])))  # client.json
    decided = Origin("n", "j", "m"), Decisions(1, 1, 0, 0, {}), settings
    told = Kept(ClientSummary(*decided, "file", {}, 0, 0, 0, n, written), [], "kept", "report")
    said = kept_text(tmp_path, told)
    assert [line[6:] for line in said.split("\n") if line.startswith("note: ")] == [each.text for each in found]

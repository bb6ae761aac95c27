"""What the rules promise, kept over many draws of anchors, public rows and rows, through the whole selection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.scoring.criteria import CRITERIA
from clues.selection.bar import Bar
from clues.selection.select import select
from tests.selection.test_select import NAMES, table

Table = dict[str, np.ndarray]


def joined(parts: list[Table]) -> Table:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def moved(channels: Table, factor: float) -> Table:
    """Of another source: all likelihoods larger or smaller, gradients shifted."""
    return {n: v + factor - 1 if n.endswith("gradient") else v * factor for n, v in channels.items()}


def draw(seed: int, anchors: int, good: int, bad: int, power: float = 1.0) -> tuple[Table, np.ndarray, Bar]:
    """Rows with which of them are good, and a bar of 12 validation rows that are of another source than anchors and
    rows. A bad row is spoiled for one criterion; with a `power` below 1 only by this share of the whole way."""
    parts = [table(good, [seed, 0])]
    for j, name in enumerate(NAMES):
        whole, none = (table(len(range(j, bad, len(NAMES))), [seed, 1, j], worse) for worse in (name, "none"))
        parts.append({n: none[n] + power * (whole[n] - none[n]) for n in whole})
    spoiled = {name: moved(table(12, [seed, 3, j], name), 1.2) for j, name in enumerate(NAMES)}
    bar = Bar(table(anchors, [seed, 2]), moved(table(12, [seed, 3]), 1.2), spoiled, CRITERIA)
    return joined(parts), np.arange(good + bad) < good, bar


def share(hits: list[float]) -> tuple[float, float]:
    """Mean over draws, whose rows share their anchors and so are not independent, and its standard error."""
    return float(np.mean(hits)), float(np.std(hits) / len(hits) ** 0.5)


@pytest.mark.parametrize(("alpha", "anchors"), [(0.1, 29), (0.3, 12)])
def test_conformal_drops_a_share_of_at_most_alpha_of_the_good_rows(alpha, anchors):
    """Split conformal prediction: Vovk, Gammerman and Shafer 2005, Section 4.1."""
    good, bad = [], []
    for seed in range(400):
        rows, is_good, bar = draw(seed, anchors, 20, 8)
        dropped = ~select(rows, bar, SelectionSettings(alpha=alpha)).keep
        good.append(dropped[is_good].mean())
        bad.append(dropped[~is_good].mean())
    mean, error = share(good)
    assert mean <= alpha + 2.5 * error
    assert mean >= alpha - 1 / (anchors + 1) - 2.5 * error  # not for being powerless
    assert share(bad)[0] > 0.9


@pytest.mark.parametrize("share_bad", [0.0, 0.2, 0.5, 0.8])
def test_at_most_a_share_q_of_what_fdr_drops_is_good(share_bad):
    """The mean over draws. All rows share the same anchors, so their p-values depend on one another. That this keeps
    the promise is proven for split conformal p-values, by Benjamini and Hochberg's procedure and with estimates of the
    share of good rows like Storey's: Bates, Candès, Lei, Romano and Sesia 2023, "Testing for outliers with conformal
    p-values", Annals of Statistics; Marandon, Lei, Mary and Roquain 2024, "Adaptive novelty detection with false
    discovery rate guarantee", Annals of Statistics.
    """
    q, false, found = 0.2, [], []
    for seed in range(300):
        rows, is_good, bar = draw(seed, 60, round(40 * (1 - share_bad)), round(40 * share_bad))
        dropped = ~select(rows, bar, SelectionSettings(rule="fdr", q=q)).keep
        false.append((dropped & is_good).sum() / max(dropped.sum(), 1))
        found.append(dropped[~is_good].mean() if share_bad else 1.0)
    mean, error = share(false)
    assert mean <= q + 2.5 * error
    assert mean >= (0.02 if share_bad else 0)  # it drops something
    assert share(found)[0] > 0.6


def test_a_dirty_anchor_costs_power_and_no_good_row():
    """One of 20 anchors is a spoiled one: it lies below most rows, so every p grows."""
    clean, dirty = [], []
    for seed in range(100):
        rows, is_good, bar = draw(seed, 20, 30, 20, power=0.5)
        worse = table(1, [seed, 9], "relevance")
        one = {n: np.append(v[1:], worse[n] * 1.0) for n, v in bar.anchors.items()}
        one["relevance.gradient"][-1] -= 20  # certainly the worst of all
        found = [select(rows, each, SelectionSettings(alpha=0.1)) for each in (bar, replace(bar, anchors=one))]
        assert (found[1].p >= found[0].p).all()
        for dropped, into in zip([~f.keep for f in found], (clean, dirty), strict=True):
            into.append([dropped[is_good].mean(), dropped[~is_good].mean()])
    (good, bad), (good_dirty, bad_dirty) = np.mean(clean, axis=0), np.mean(dirty, axis=0)
    assert good_dirty < good - 0.01
    assert 0.1 < bad_dirty < bad - 0.05


def test_ratio_and_score_and_anchor_mean_keep_what_they_say():
    """They promise nothing about rows like the anchors; what they keep is plain to count."""
    rows, _, bar = draw(1, 29, 20, 8)
    own = select(bar.anchors, bar, SelectionSettings()).statistic
    found = {r: select(rows, bar, SelectionSettings(rule=r, ratio=0.25, score=1.0)) for r in ("ratio", "score")}
    statistic = found["ratio"].statistic
    assert sorted(statistic[found["ratio"].keep]) == sorted(statistic)[-7:]
    assert (found["score"].keep == (statistic >= 1.0)).all()
    assert 0 < found["score"].keep.sum() < 28
    mean = select(rows, bar, SelectionSettings(rule="anchor-mean")).keep
    assert (mean == (statistic >= own.mean())).all()

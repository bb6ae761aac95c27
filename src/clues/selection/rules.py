"""Rules: from p-values and statistics to the rows that are kept."""

from __future__ import annotations

import numpy as np

from clues.config import SelectionSettings

STOREY_LAMBDAS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""p-values above λ are taken to be those of good rows. Storey's (2002) usual choice is 0.5 alone; here the largest
estimate counts, for a client whose source differs from the anchors' may have good rows with few p-values above 0.5."""


def keep_rows(
    settings: SelectionSettings, p: np.ndarray, statistic: np.ndarray, anchor_statistic: np.ndarray
) -> np.ndarray:
    """Which rows the rule keeps, bool [N].

    Args:
        p: [N] conformal p-values.
        statistic: [N], higher is better.
        anchor_statistic: [n] the anchors' own statistics, for the published rule.
    """
    match settings.rule:
        case "conformal":
            return p > settings.alpha
        case "fdr":
            return ~drop_by_fdr(p, settings.q)
        case "anchor-mean":
            return keep_anchor_mean(statistic, anchor_statistic)
        case "ratio":
            return keep_ratio(statistic, settings.ratio)
        case "score":
            return statistic >= settings.score


def bar_rank(alpha: float, anchors: int) -> int:
    """Under `conformal` the bar is the anchor in this place from below, 1-based; 0: no row can be dropped.

    p <= α exactly where fewer than ⌊α(n + 1)⌋ of the n anchors are not higher than the row.
    """
    return int(alpha * (anchors + 1) + 1e-9)


def bar_level(settings: SelectionSettings, anchor_statistic: np.ndarray) -> float | None:
    """The statistic below which a row is dropped, whatever other rows there are; a row at it is dropped only where an
    anchor is the bar. None under a rule that compares an owner's rows with one another, and where nothing is dropped.

    anchor_statistic: [n] the anchors' own statistics.
    """
    match settings.rule:
        case "conformal":
            rank = bar_rank(settings.alpha, len(anchor_statistic))
            return float(np.sort(anchor_statistic)[min(rank, len(anchor_statistic)) - 1]) if rank else None
        case "anchor-mean":
            return float(anchor_statistic.mean())
        case "score":
            return float(settings.score)
        case "fdr" | "ratio":
            return None


def drop_by_fdr(p: np.ndarray, q: float) -> np.ndarray:
    """Drop so many rows that at most a share q of the dropped is good, in expectation.

    Benjamini and Hochberg (1995) at level q / π₀, with Storey's (2002) estimate of the share of good rows
    π₀ = max over λ of (1 + #{p > λ}) / (m (1 − λ)), also where it is above 1. A larger π₀ drops less.

    Proven for rows that share their anchors: with conformal p-values and an estimate for one λ by Marandon, Lei, Mary
    and Roquain (2024, "Adaptive novelty detection with false discovery rate guarantee"), after Bates et al. (2023);
    the largest estimate is never below any of them and, like them, grows with every p.
    """
    m = len(p)
    if m == 0:
        return np.zeros(0, bool)
    share_good = max((1 + (p > each).sum()) / (m * (1 - each)) for each in STOREY_LAMBDAS)
    ordered = np.sort(p)
    within = np.flatnonzero(ordered <= q / share_good * np.arange(1, m + 1) / m)
    return p <= ordered[within[-1]] if within.size else np.zeros(m, bool)


def keep_anchor_mean(score: np.ndarray, anchor_score: np.ndarray) -> np.ndarray:
    """The published rule (CLUES, Section 3.3): keep a row that is not below the mean of the anchors."""
    return score >= anchor_score.mean()


def keep_ratio(statistic: np.ndarray, ratio: float) -> np.ndarray:
    """Keep this share of the rows, the best ones; rounded to whole rows, ties by order."""
    keep = np.zeros(len(statistic), bool)
    keep[np.argsort(-statistic, kind="stable")[: round(ratio * len(statistic))]] = True
    return keep

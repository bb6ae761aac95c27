"""How good a selection is where the truth is known: the `selection` part of metrics.json."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clues.config import SelectionSettings
from clues.evaluation.labels import CLEAN
from clues.evaluation.published import published_metrics
from clues.evaluation.scored import Scored, read_scored
from clues.folders.run import RunFolder
from clues.selection.groups import more_dropped
from clues.selection.rules import keep_rows
from clues.statistics.ranking import auc, auc_by_kind, auc_interval
from clues.statistics.shares import selection_shares, share

KeepRule = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
"""From one client's p-values and statistics [n] to what it keeps [n]."""


def every_rule(settings: SelectionSettings, anchor_statistic: NDArray[np.floating]) -> dict[str, KeepRule]:
    """All rules that a job can name, with the other settings of this one; anchor_statistic: the anchors' own [n]."""

    def rule(name: str) -> KeepRule:
        named = dataclasses.replace(settings, rule=typing.cast(typing.Any, name))
        return lambda p, statistic: keep_rows(named, p, statistic, anchor_statistic)

    return {name: rule(name) for name in typing.get_args(typing.get_type_hints(SelectionSettings)["rule"])}


def measure_run(
    run: Path, rule: str, rules: Mapping[str, KeepRule], resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """The `selection` part of metrics.json of a run whose folder holds every client's folder.

    rule: name of the rule that made the `keep` column, among `rules`, all of which are measured on the same columns.
    """
    folder = RunFolder(run)
    anchors, unseen = folder.anchors.read().channels, folder.selection.read().unseen
    metrics = selection_metrics(read_scored(folder), anchors, rule, rules, resamples, seed)
    if unseen:
        kept = share("kept_share", unseen.kept, unseen.rows)
        metrics["unseen"] = {"source": unseen.source, "rows": unseen.rows, **kept}
    return metrics


def selection_metrics(
    scored: Scored,
    anchors: Mapping[str, Sequence[float]],
    rule: str,
    rules: Mapping[str, KeepRule],
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """All that labels can say about one selection, its rules, its channels and the published method beside it."""
    low, high = auc_interval(scored.clean, scored.statistic, resamples, seed)
    ranked = {"auc": auc(scored.clean, scored.statistic), "auc_low": low, "auc_high": high}
    return {
        "rule": rule,
        **ranked,
        **selection_shares(scored.keep, scored.clean),
        "not_scored": scored.not_scored,
        "kinds": by_kind(scored),
        "harmless": by_harmless_kind(scored),
        "clients": by_client(scored),
        "published": published_metrics(scored, anchors),
        "rules": {name: selection_shares(keep_by(scored, one), scored.clean) for name, one in rules.items()},
        "channels": by_channel(scored),
    }


def by_kind(scored: Scored) -> dict[str, dict[str, Any]]:
    """Per kind of damage: area of the clean rows against it, and the share of it that was kept."""
    areas = auc_by_kind(scored.kind, scored.clean, scored.statistic)
    kinds = {}
    for name in np.unique(scored.kind[~scored.clean]).tolist():
        kinds[name] = {"auc": areas.get(name), **_kept_of(scored, name)}
    return kinds


def by_harmless_kind(scored: Scored) -> dict[str, dict[str, Any]]:
    """Per kind of edit that leaves an answer good, which rows should be kept for: the share of it that was."""
    kinds = np.unique(scored.kind[scored.clean]).tolist()
    return {name: _kept_of(scored, name) for name in kinds if name != CLEAN}


def _kept_of(scored: Scored, kind: str) -> dict[str, Any]:
    kept = scored.keep[scored.kind == kind]
    return {**share("kept_share", int(kept.sum()), len(kept)), "rows": len(kept)}


def by_client(scored: Scored) -> dict[str, dict[str, Any]]:
    """Per client: area, shares, the share of its rows that was dropped, and p that it lost more by chance."""
    clients, names = {}, np.unique(scored.client).tolist()
    rows = [int((scored.client == name).sum()) for name in names]
    lost = [int((~scored.keep[scored.client == name]).sum()) for name in names]
    for name, p in zip(names, more_dropped(lost, rows, sum(lost), sum(rows)).tolist(), strict=True):
        own = scored.client == name
        keep, clean = scored.keep[own], scored.clean[own]
        clients[name] = {
            "auc": auc(clean, scored.statistic[own]),
            **selection_shares(keep, clean),
            **share("dropped_share", int((~keep).sum()), len(keep)),
            "dropped_p": p,
        }
    return clients


def by_channel(scored: Scored) -> dict[str, dict[str, Any]]:
    """Area of every single channel over the rows it has a verdict on, overall and per kind."""
    channels = {}
    for name, score in scored.channels.items():
        judged = np.isfinite(score)
        clean, kind = scored.clean[judged], scored.kind[judged]
        areas = auc_by_kind(kind, clean, score[judged])
        channels[name] = {
            "auc": auc(clean, score[judged]),
            "rows": int(judged.sum()),
            "kinds": {one: {"auc": area} for one, area in areas.items()},
        }
    return channels


def keep_by(scored: Scored, rule: KeepRule) -> NDArray[np.bool_]:
    """What a rule keeps, applied client by client as in a run: `fdr` and `ratio` look at a client's rows together."""
    keep = np.zeros(len(scored.client), bool)
    for name in np.unique(scored.client):
        own = scored.client == name
        keep[own] = rule(scored.p[own], scored.statistic[own])
    return keep

"""How good a selection is where the truth is known: the `selection` part of metrics.json."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clues.config import SelectionSettings
from clues.evaluation.labels import CLEAN
from clues.evaluation.published import published_metrics
from clues.evaluation.scored import Scored, read_scored
from clues.evaluation.shares import shares_of
from clues.folders.metrics import (
    Area,
    ChannelAreas,
    ClientSelection,
    DamageKind,
    KeptOfKind,
    SelectionMetrics,
    UnseenSource,
)
from clues.folders.run import RunFolder
from clues.selection.groups import more_dropped
from clues.selection.rules import keep_rows
from clues.statistics.ranking import auc, auc_by_kind, auc_interval
from clues.statistics.shares import share

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
) -> SelectionMetrics:
    """The `selection` part of metrics.json of a run whose folder holds every client's folder.

    rule: name of the rule that made the `keep` column, among `rules`, all of which are measured on the same columns.
    """
    folder = RunFolder(run)
    unseen = folder.selection.read().unseen
    anchors = {name: np.array(values, float).tolist() for name, values in folder.anchors.read().channels.items()}
    metrics = selection_metrics(read_scored(folder), anchors, rule, rules, resamples, seed)
    if not unseen:
        return metrics
    kept = share("kept_share", unseen.kept, unseen.rows)
    return dataclasses.replace(metrics, unseen=UnseenSource(source=unseen.source, rows=unseen.rows, **kept))


def selection_metrics(
    scored: Scored,
    anchors: Mapping[str, Sequence[float]],
    rule: str,
    rules: Mapping[str, KeepRule],
    resamples: int = 2000,
    seed: int = 0,
) -> SelectionMetrics:
    """All that labels can say about one selection, its rules, its channels and the published method beside it."""
    low, high = auc_interval(scored.clean, scored.statistic, resamples, seed)
    return SelectionMetrics(
        rule=rule,
        auc=auc(scored.clean, scored.statistic),
        auc_low=low,
        auc_high=high,
        **vars(shares_of(scored.keep, scored.clean)),
        not_scored=scored.not_scored,
        kinds=by_kind(scored),
        harmless=by_harmless_kind(scored),
        clients=by_client(scored),
        published=published_metrics(scored, anchors),
        rules={name: shares_of(keep_by(scored, one), scored.clean) for name, one in rules.items()},
        channels=by_channel(scored),
    )


def by_kind(scored: Scored) -> dict[str, DamageKind]:
    """Per kind of damage: area of the clean rows against it, and the share of it that was kept."""
    areas = auc_by_kind(scored.kind, scored.clean, scored.statistic)
    kinds = np.unique(scored.kind[~scored.clean]).tolist()
    return {name: DamageKind(**vars(_kept_of(scored, name)), auc=areas.get(name)) for name in kinds}


def by_harmless_kind(scored: Scored) -> dict[str, KeptOfKind]:
    """Per kind of edit that leaves an answer good, which rows should be kept for: the share of it that was."""
    kinds = np.unique(scored.kind[scored.clean]).tolist()
    return {name: _kept_of(scored, name) for name in kinds if name != CLEAN}


def _kept_of(scored: Scored, kind: str) -> KeptOfKind:
    kept = scored.keep[scored.kind == kind]
    return KeptOfKind(**share("kept_share", int(kept.sum()), len(kept)), rows=len(kept))


def by_client(scored: Scored) -> dict[str, ClientSelection]:
    """Per client: area, shares, the share of its rows that was dropped, and p that it lost more by chance."""
    clients, names = {}, np.unique(scored.client).tolist()
    rows = [int((scored.client == name).sum()) for name in names]
    lost = [int((~scored.keep[scored.client == name]).sum()) for name in names]
    for name, p in zip(names, more_dropped(lost, rows, sum(lost), sum(rows)).tolist(), strict=True):
        own = scored.client == name
        keep, clean = scored.keep[own], scored.clean[own]
        dropped = share("dropped_share", int((~keep).sum()), len(keep))
        clients[name] = ClientSelection(
            **vars(shares_of(keep, clean)),
            dropped_share=dropped["dropped_share"],
            dropped_share_low=dropped["dropped_share_low"],
            dropped_share_high=dropped["dropped_share_high"],
            auc=auc(clean, scored.statistic[own]),
            dropped_p=p,
        )
    return clients


def by_channel(scored: Scored) -> dict[str, ChannelAreas]:
    """Area of every single channel over the rows it has a value on, overall and per kind."""
    channels = {}
    for name, score in scored.channels.items():
        has = np.isfinite(score)
        clean, kind = scored.clean[has], scored.kind[has]
        areas = {one: Area(area) for one, area in auc_by_kind(kind, clean, score[has]).items()}
        channels[name] = ChannelAreas(auc=auc(clean, score[has]), rows=int(has.sum()), kinds=areas)
    return channels


def keep_by(scored: Scored, rule: KeepRule) -> NDArray[np.bool_]:
    """What a rule keeps, applied client by client as in a run: `fdr` and `ratio` look at a client's rows together."""
    keep = np.zeros(len(scored.client), bool)
    for name in np.unique(scored.client):
        own = scored.client == name
        keep[own] = rule(scored.p[own], scored.statistic[own])
    return keep

"""The coordinator's page: what a run did, from the files a coordinator holds. It knows no row and shows none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clues import __version__
from clues.config import Job
from clues.disk.reading import read_lines
from clues.folders.bar import StoredBar
from clues.folders.files import to_json
from clues.folders.members import Members
from clues.folders.metrics import Metric, Metrics, Models, SelectionMetrics
from clues.folders.run import RunFolder
from clues.folders.selection import SelectionSummary
from clues.folders.training import TrainingLog
from clues.report import bar, cautions, charts, comparing, federation, words
from clues.report.groups import about_uneven_clients, client_losses
from clues.report.page import Context, Numbers, write_page
from clues.selection.cautions import Caution

COUNTED = {
    "set_aside": ("Set aside", "could not be scored"),
    "duplicates": ("Duplicates", "repeat an earlier row of the file word for word"),
    "truncated": ("Truncated", "too long for the model, read from the start as far as they went"),
    "overlap": ("Overlap", "also in a public set, word for word or nearly"),
}
"""Counts besides kept and dropped, with what they mean; a client may report none of them."""


def write_coordinator_report(folder: Path) -> Path:
    """Write `report.html` into a run's folder from its selection, metrics, training, anchors, job and events.

    What a run did not do (no training, no evaluation, no labels) the page says in its place.

    Raises ReportError when selection.json, anchors.json or job.toml is missing or of another version.
    """
    run = RunFolder(folder)
    selection, anchors = run.selection.read(), run.anchors.read()
    metrics, training = run.metrics.read_if_there(), run.training.read()
    job = run.job.read()
    return write_page(
        run.page,
        "coordinator.html.j2",
        job=job,
        version=__version__,
        settings=changed_settings(job),
        metrics=Numbers(to_json(metrics) if metrics else {}),
        measured=metrics.date if metrics else "",
        counts=Numbers(to_json(selection), "count"),
        cautions=_cautions(job, selection, anchors, training)
        + cautions.about_passes(run.members.read_if_there() or Members()),
        arms=federation.training_views(training),
        wire=federation.totals(training),
        events=_times(read_lines(run.events)),
        **_selected(selection),
        **_bar(anchors, job),
        **_measured(metrics.selection if metrics else None),
        **_compared(metrics),
    )


def _selected(selection: SelectionSummary) -> Context:
    """Clients, the one that lost the largest share first, and their sums."""
    clients = selection.clients
    worst_first = sorted(clients, key=lambda name: (clients[name].kept / max(1, clients[name].rows), name))
    counted = [column for column in COUNTED if any(getattr(n, column) is not None for n in clients.values())]
    found = {reason for n in clients.values() for reason in n.reasons}
    reasons = [*(name for name in words.CRITERIA if name in found), *sorted(found - set(words.CRITERIA))]
    sums = {key: sum(getattr(n, key) or 0 for n in clients.values()) for key in ("rows", "kept", "dropped", *counted)}
    dropped = {reason: sum(n.reasons.get(reason, 0) for n in clients.values()) for reason in reasons}
    return {
        "clients": {name: clients[name] for name in worst_first},
        "parts": {name: [(each, n.reasons.get(each, 0)) for each in reasons] for name, n in clients.items()},
        "shares": client_losses(clients),
        "counted": {column: COUNTED[column] for column in counted},
        "reasons": reasons,
        "reason_labels": [(reason, words.criterion(reason).one) for reason in reasons],
        "total": {**sums, "reasons": dropped},
    }


def _bar(anchors: StoredBar, job: Job) -> Context:
    level = anchors.level
    edges = charts.bin_edges(list(anchors.judged.values()), level)
    histograms = [
        {
            "name": name,
            "chart": charts.inline_svg(
                charts.criterion_histogram({"anchors": values}, level, {"anchors": "other"}, "anchors", edges=edges),
                f"Evidence of {len(values)} anchors on {name}, from {min(values):.2f} to {max(values):.2f}.",
            ),
        }
        for name, values in anchors.judged.items()
    ]
    return {
        "histograms": histograms,
        "promise": bar.promise(job.selection),
        "where": bar.where(level),
    }


def _measured(selection: SelectionMetrics | None) -> Context:
    """Charts of how well the selection told good from bad, when it is known which rows were bad."""
    if selection is None or selection.auc is None:
        return {"kinds": {}, "area_chart": ""}
    areas = {kind: n.auc for kind, n in selection.kinds.items()}
    ours = {"all kinds": selection.auc} | {kind: auc for kind, auc in areas.items() if auc is not None}
    label = "AUC by kind of damage: " + words.listed([f"{kind} {auc:.3f}" for kind, auc in ours.items()]) + "."
    chart = charts.areas_under_the_curve(ours, selection.published.auc if selection.published else None)
    return {"kinds": selection.kinds, "area_chart": charts.inline_svg(chart, label)}


def _compared(metrics: Metrics | None) -> Context:
    models, comparisons = (metrics.models, metrics.comparisons) if metrics else ({}, ())
    found: Context = {
        "models": models,
        "comparisons": comparisons,
        "finding": comparing.finding,
        "headline": comparing.headline(comparisons),
        "gaps": [comparing.gap_sentence(how, share) for how, share in metrics.gap_closed.items()] if metrics else [],
        "seconds": metrics.seconds if metrics else {},
    }
    if models:
        found["nll_chart"] = _models_chart(models, "test_nll", "← better\u2003test NLL")
        chosen = {a: w for a, w in models.items() if any(n.choice_accuracy is not None for n in w.values())}
        found["choice_chart"] = chosen and _models_chart(chosen, "choice", "right answer chosen\u2003better →")
    if comparisons:
        label = words.listed([f"{c.a} minus {c.b}, {c.how}: {comparing.interval(c)}" for c in comparisons])
        found["difference_chart"] = charts.inline_svg(charts.differences(comparisons), f"Differences: {label}.")
    if found["seconds"]:
        label = words.listed([f"{name} {words.duration(s)}" for name, s in found["seconds"].items()])
        found["seconds_chart"] = charts.inline_svg(charts.phase_seconds(found["seconds"]), f"Duration: {label}.")
    return found


def _models_chart(models: Models, metric: Metric, title: str) -> str:
    label = f"{title.strip('← →')}: {words.listed(list(models))} compared; the table holds the numbers."
    return charts.inline_svg(charts.models_compared(models, metric, title), label)


def _cautions(job: Job, selection: SelectionSummary, anchors: StoredBar, training: TrainingLog) -> list[Caution]:
    clients, alpha = selection.clients, job.selection.alpha
    found = anchors.cautions + cautions.about_clients(clients) + about_uneven_clients(clients)
    found += cautions.about_unseen(selection.unseen, alpha)
    if job.sample.clients:
        found.append(cautions.about_simulation(len(clients), job.sample.spoiled_share, list(job.sample.kinds)))
    return found + cautions.about_training(training)


def _times(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """When the run began and ended, by its own events."""
    if not events:
        return {}
    return {"began": words.day(events[0]["time"]), "ended": words.day(events[-1]["time"]), "phase": events[-1]["phase"]}


def changed_settings(job: Job) -> list[tuple[str, Any]]:
    """Settings that differ from the defaults, dotted. Where files lie on somebody's machine is left out."""
    defaults = dict(_flat(Job().to_dict()))
    return [(key, value) for key, value in _flat(job.to_dict()) if defaults.get(key) != value and key != "clients"]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{key}.")
        else:
            is_path = isinstance(value, str) and Path(value).is_absolute()
            found.append((prefix + key, Path(value).name if is_path else value))
    return found

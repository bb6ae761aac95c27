"""The owner's page: what became of each row and why, from the files that stay with the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from clues import __version__
from clues.folders.bar import StoredBar
from clues.folders.explanations import EXPLAINED
from clues.folders.owner import OwnerFolder
from clues.folders.power import Shading
from clues.folders.scores import Scores
from clues.folders.selection import ClientCounts
from clues.folders.summary import ClientSummary
from clues.report import bar, cautions, charts, words
from clues.report.audit import audit_view
from clues.report.groups import about_groups, group_name, shown_groups
from clues.report.page import payload, write_page
from clues.report.power import power_view, shading_sentence
from clues.report.rows import MOST, Shown, rounded, show_rows
from clues.report.texts import read_texts
from clues.scoring.channel import FORWARD, GRADIENT, Channel, channels_among
from clues.scoring.criteria import OWNER
from clues.selection.cautions import Caution

WITHOUT_SCRIPT = 50
"""Rows in the table that needs no script."""
MOST_SET_ASIDE = 50


def write_owner_report(folder: Path, *, include_text: bool = True) -> Path:
    """Write `report.html` into a client's folder or the output folder of `clues score`.

    Without text it is `report-without-text.html`, which holds ids, lines and numbers, and may be shown to people who
    must not read the rows.

    Raises FolderError when scores.parquet, client.json or anchors.json is missing, ReportError when the texts are other
    rows.
    """
    own = OwnerFolder(folder)
    about, anchors, power, groups = (
        own.client.read(),
        own.anchors.read(),
        own.power.read_if_there(),
        own.groups.read_if_there(),
    )
    scores = own.scores.read()
    level = _level(scores, anchors.level)
    texts = read_texts(own, scores, about.source, about.columns or None) if include_text else None
    explanations = own.explained.read(scores.ids) if include_text else {}
    shown = show_rows(scores, level, texts, explanations, about.columns)
    return write_page(
        own.page if include_text else own.page_without_text,
        "owner.html.j2",
        ("rows.js", "detail.js", "table.js"),
        about=about,
        version=__version__,
        date=_date(own),
        promise=bar.promise(about.settings),
        where=bar.where(level, scores.scorer),
        scorer=scores.scorer,
        include_text=include_text,
        shown=shown,
        static=shown.rows[:WITHOUT_SCRIPT],
        shaded=EXPLAINED,
        most=MOST,
        embedded=payload(_embedded(scores, shown, level, anchors)),
        set_aside=own.set_aside.read(),
        most_set_aside=MOST_SET_ASIDE,
        power=power_view(power, about.settings.alpha),
        shading=shading_sentence(power.shading if power else Shading()),
        cautions=_cautions(about, scores, anchors) + about_groups(groups, include_text),
        groups=shown_groups(groups, include_text),
        group_name=group_name,
        audit=audit_view(own, scores),
        **_counted(scores),
        **_histograms(scores, anchors, level),
    )


def _level(scores: Scores, common: float | None) -> float | None:
    """The bar of the rows that are judged, if they have one: a truncated answer, or a task, may have its own."""
    judged = np.isfinite(scores["statistic"])
    ruled = judged & (scores["decision"] == "")
    return bar.level_among(scores["statistic"][ruled], scores.keep[ruled], common)


def _counted(scores: Scores) -> dict[str, Any]:
    keep, decided = scores.keep, scores["decision"]
    reason = np.where((decided == "drop") & (scores["reason"] == ""), OWNER, scores["reason"])
    reasons = {name: int((reason[~keep] == name).sum()) for name in (*scores.criteria, OWNER)}
    counted = {name: n for name, n in reasons.items() if n or name != OWNER}
    return {
        "rows": len(scores),
        "kept": int(keep.sum()),
        "kept_in_part": int((keep & scores["truncated"].astype(bool)).sum()),
        "dropped": int((~keep).sum()),
        "reasons": counted,
        "criteria": scores.criteria,
        "decided": int((decided != "").sum()),
        "gradient": any(c.kind == GRADIENT for c in channels_among(scores.columns)),
        "reason_labels": [(name, words.criterion(name).one) for name in counted],
    }


def _histograms(scores: Scores, anchors: StoredBar, level: float | None) -> dict[str, Any]:
    own = anchors.judged
    edges = charts.bin_edges([*own.values(), *(scores.evidence(name) for name in scores.criteria)], level)
    return {
        "histograms": [
            {"name": name, "chart": _histogram(scores, name, own.get(name, ()), level, edges)}
            for name in scores.criteria
        ]
    }


def _histogram(scores: Scores, name: str, anchors: Sequence[float], level: float | None, edges: np.ndarray) -> str:
    groups = bar.split(scores.evidence(name), scores.keep, scores["reason"], name)
    colours = dict(zip(groups, ("kept", name, "other"), strict=True))
    label = f"{name}: " + words.listed([f"{len(values)} rows {what}" for what, values in groups.items()]) + "."
    title = charts.DEVIATIONS if scores.scorer else charts.EVIDENCE
    chart = charts.criterion_histogram(groups, level, colours, outline=anchors, edges=edges, title=title)
    return charts.inline_svg(chart, label)


def _embedded(scores: Scores, shown: Shown, level: float | None, anchors: StoredBar) -> dict[str, Any]:
    """What the script needs to know."""
    names = [*scores.criteria, OWNER]
    channels = {name: anchors.channels.get(Channel(name, FORWARD).column) for name in words.SHADINGS}
    return {
        "criteria": scores.criteria,
        "scorer": scores.scorer,
        "says": {name: words.criterion(name).one for name in names},
        "shadings": {name: asdict(shading) for name, shading in words.SHADINGS.items()},
        "anchorMedians": {name: rounded(float(np.nanmedian(np.array(v, float)))) for name, v in channels.items() if v},
        "channels": [asdict(channel) for channel in channels_among(scores.columns)],
        "bar": level,
        "rowsInFile": len(scores),
        "rows": shown.rows,
    }


def _cautions(about: ClientSummary, scores: Scores, anchors: StoredBar) -> list[Caution]:
    without = [caution for caution in about.warnings if caution.code == "not-judged"]
    found = anchors.cautions + without
    if len(scores) and not scores.keep.any():
        found += cautions.about_clients({"this file": ClientCounts(len(scores), 0, len(scores), {})})
    overlap = {name: sum(kinds.values()) for name, kinds in about.origin.overlap.items()}
    if any(overlap.values()):
        found.append(
            cautions.about_overlap(sum(overlap.values()), f" ({words.listed([n for n in overlap if overlap[n]])})")
        )
    found += cautions.about_truncation(about.truncated, scores.scorer)
    return found + cautions.about_reading(about.origin.remarks)


def _date(folder: OwnerFolder) -> str:
    """When it was decided on the rows: the time of their scores."""
    written = folder.scores.path.stat().st_mtime
    return datetime.fromtimestamp(written).astimezone().strftime("%Y-%m-%d %H:%M")

"""The owner's page: what became of each row and why, from the files that stay with the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from clues import __version__
from clues.disk.reading import read_json, read_json_if_there, read_lines
from clues.report import bar, cautions, charts, client_files, words
from clues.report.audit import audit_view
from clues.report.groups import about_groups, groups_view
from clues.report.page import payload, write_page
from clues.report.power import power_view, shading_sentence
from clues.report.rows import MOST, Shown, rounded, show_rows
from clues.report.shading import SHADED
from clues.scoring.channel import FORWARD, GRADIENT, Channel, channels_among
from clues.scoring.criteria import OWNER
from clues.selection.cautions import Caution

PAGE = "report.html"
PAGE_WITHOUT_TEXT = "report-without-text.html"
"""A page of its own, so that no later command puts the texts back into what was handed on."""
WITHOUT_SCRIPT = 50
"""Rows in the table that needs no script."""
MOST_SET_ASIDE = 50


def write_owner_report(folder: Path, *, include_text: bool = True) -> Path:
    """Write `report.html` into a client's folder or the output folder of `clues score`.

    Without text it is `report-without-text.html`, which holds ids, lines and numbers, and may be shown to people who
    must not read the rows.

    Raises ReportError when scores.parquet, client.json or anchors.json is missing, or the texts are other rows.
    """
    about, anchors = read_json(folder / "client.json"), read_json(folder / "anchors.json")
    power = read_json_if_there(folder / "power.json")
    scores = client_files.read_scores(folder)
    level = _level(scores, bar.read_bar(anchors))
    texts = client_files.read_texts(folder, scores, about.get("columns") or None) if include_text else None
    explanations = client_files.read_explanations(folder, scores["id"].tolist()) if include_text else {}
    groups = read_json_if_there(folder / "groups.json")
    shown = show_rows(scores, level, texts, explanations, about.get("columns"))
    return write_page(
        folder / (PAGE if include_text else PAGE_WITHOUT_TEXT),
        "owner.html.j2",
        ("rows.js", "detail.js", "table.js"),
        about=about,
        version=__version__,
        date=_date(folder),
        promise=bar.promise(about["rule"], about["alpha"], about["q"]),
        where=bar.where(level, scores.scorer),
        scorer=scores.scorer,
        include_text=include_text,
        shown=shown,
        static=shown.rows[:WITHOUT_SCRIPT],
        shaded=SHADED,
        most=MOST,
        embedded=payload(_embedded(scores, shown, level, anchors)),
        set_aside=read_lines(folder / "set_aside.jsonl"),
        most_set_aside=MOST_SET_ASIDE,
        power=power_view(power, about["alpha"]),
        shading=shading_sentence(power),
        cautions=_cautions(about, scores, anchors) + about_groups(groups, include_text),
        groups=groups_view(groups, include_text),
        audit=audit_view(folder, scores),
        **_counted(scores),
        **_histograms(scores, anchors, level),
    )


def _level(scores: client_files.Scores, common: bar.AnchorEvidence) -> float | None:
    """The bar of rows that have a verdict on every criterion; a truncated answer has a bar of its own."""
    whole = np.all([np.isfinite(scores.evidence(name)) for name in scores.criteria], axis=0)
    ruled = whole & (scores["decision"] == "")
    return bar.level_among(scores["statistic"][ruled], scores.keep[ruled], common.level)


def _counted(scores: client_files.Scores) -> dict[str, Any]:
    keep, decided = scores.keep, scores["decision"]
    reason = np.where((decided == "drop") & (scores["reason"] == ""), OWNER, scores["reason"])
    reasons = {name: int((reason[~keep] == name).sum()) for name in (*scores.criteria, OWNER)}
    counted = {name: n for name, n in reasons.items() if n or name != OWNER}
    return {
        "rows": len(scores),
        "kept": int(keep.sum()),
        "dropped": int((~keep).sum()),
        "reasons": counted,
        "criteria": scores.criteria,
        "decided": int((decided != "").sum()),
        "gradient": any(c.kind == GRADIENT for c in channels_among(scores.columns)),
        "reason_labels": [(name, words.criterion(name).one) for name in counted],
    }


def _histograms(scores: client_files.Scores, anchors: Mapping[str, Any], level: float | None) -> dict[str, Any]:
    own = bar.read_bar(anchors).criteria
    edges = charts.bin_edges([*own.values(), *(scores.evidence(name) for name in scores.criteria)], level)
    return {
        "histograms": [
            {"name": name, "chart": _histogram(scores, name, own.get(name, []), level, edges)}
            for name in scores.criteria
        ]
    }


def _histogram(
    scores: client_files.Scores, name: str, anchors: list[float], level: float | None, edges: np.ndarray
) -> str:
    groups = bar.split(scores.evidence(name), scores.keep, scores["reason"], name)
    colours = dict(zip(groups, ("kept", name, "other"), strict=True))
    label = f"{name}: " + words.listed([f"{len(values)} rows {what}" for what, values in groups.items()]) + "."
    title = charts.DEVIATIONS if scores.scorer else charts.EVIDENCE
    chart = charts.criterion_histogram(groups, level, colours, outline=anchors, edges=edges, title=title)
    return charts.inline_svg(chart, label)


def _embedded(
    scores: client_files.Scores, shown: Shown, level: float | None, anchors: Mapping[str, Any]
) -> dict[str, Any]:
    """What the script needs to know."""
    names = [*scores.criteria, OWNER]
    channels = {name: anchors["channels"].get(Channel(name, FORWARD).column) for name in words.SHADINGS}
    return {
        "criteria": scores.criteria,
        "scorer": scores.scorer,
        "says": {name: words.criterion(name).one for name in names},
        "shadings": {name: asdict(shading) for name, shading in words.SHADINGS.items()},
        "anchorMedians": {name: rounded(float(np.median(v))) for name, v in channels.items() if v},
        "channels": [asdict(channel) for channel in channels_among(scores.columns)],
        "bar": level,
        "rowsInFile": len(scores),
        "rows": shown.rows,
    }


def _cautions(about: Mapping[str, Any], scores: client_files.Scores, anchors: Mapping[str, Any]) -> list[Caution]:
    found = cautions.about_anchors(anchors)
    if len(scores) and not scores.keep.any():
        found += cautions.about_clients({"this file": {"rows": len(scores), "kept": 0}})
    overlap = {name: sum(kinds.values()) for name, kinds in about.get("overlap", {}).items()}
    if any(overlap.values()):
        found.append(
            cautions.about_overlap(sum(overlap.values()), f" ({words.listed([n for n in overlap if overlap[n]])})")
        )
    return found + cautions.about_truncation(about.get("truncated", 0), scores.scorer)


def _date(folder: Path) -> str:
    """When the rows were judged: the time of their scores."""
    written = (folder / "scores.parquet").stat().st_mtime
    return datetime.fromtimestamp(written).astimezone().strftime("%Y-%m-%d %H:%M")

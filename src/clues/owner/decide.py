"""The verdict on one owner's file: scores against the bar, the owner's decisions, and the files that stay with him."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clues.config import SelectionSettings
from clues.data.files.reading import open_data_set
from clues.data.files.writing import write_rows, write_set_aside
from clues.data.rows import Row
from clues.disk.writing import write_json, write_jsonl
from clues.errors import DecisionError
from clues.owner.scores import ScoredRows, check_version, write_scores
from clues.scoring.criteria import OWNER, criteria_stated, stated
from clues.selection.bar import Bar
from clues.selection.cautions import Caution, about_bar
from clues.selection.groups import by_groups
from clues.selection.rules import bar_level
from clues.selection.select import Selection, calibrate, select

DECISIONS = {"keep": True, "drop": False}


@dataclass(frozen=True)
class Verdict:
    """What may be told about a file in numbers, and no more."""

    rows: int
    kept: int
    dropped: int
    set_aside: int
    reasons: dict[str, int]


def judge(folder: Path, scored: ScoredRows, bar: Bar, settings: SelectionSettings, about: Mapping[str, Any]) -> Verdict:
    """Select, and write scores.parquet, kept and dropped rows, set_aside.jsonl, and anchors, groups and client.json.

    `decisions.jsonl` in the folder, if there is one, overrides the rule: lines with `id`, `decision` (keep or drop)
    and `why`. `about` goes into client.json as it is. No model is needed: selecting again costs seconds.
    """
    selection = select(scored.channels, bar, settings)
    decisions = read_decisions(folder / "decisions.jsonl", scored.rows)
    keep = np.array([DECISIONS.get(d, k) for d, k in zip(decisions, selection.keep.tolist(), strict=True)], bool)
    dropped = [_dropped(scored.rows[i], i, selection, decisions[i]) for i in np.flatnonzero(~keep).tolist()]
    kept = [row for row, k in zip(scored.rows, keep, strict=True) if k]
    write_scores(folder / "scores.parquet", scored, selection, keep, decisions)
    write_rows(scored.source, kept, folder / f"kept{open_data_set(scored.source).suffix}")
    write_jsonl(dropped, folder / "dropped.jsonl")
    write_set_aside(scored.set_aside, folder / "set_aside.jsonl")
    write_json(anchors_file(bar, settings), folder / "anchors.json")
    groups = by_groups(scored.rows, {entry["id"]: entry["reason"] for entry in dropped}, scored.columns.values())
    write_json(asdict(groups), folder / "groups.json")
    reasons = dict(Counter(entry["reason"] for entry in dropped))
    verdict = Verdict(len(keep), len(kept), len(dropped), len(scored.set_aside), reasons)
    facts = {
        "source": _full_name(scored.source),
        "columns": dict(scored.columns),
        "duplicates": scored.duplicates,
        "truncated": sum(scored.truncated),
        "decided_by_owner": sum(map(bool, decisions)),
        "anchors": bar.size,
        "warnings": [asdict(caution) for caution in cautions(bar, settings)],
    }
    write_json({**about, **asdict(verdict), **asdict(settings), **facts}, folder / "client.json")
    return verdict


def judge_again(folder: Path, settings: SelectionSettings) -> Verdict:
    """Put rows that were scored before to another bar, or apply changed decisions; no model is loaded.

    Raises ScoresError where nothing was scored or the source has changed.
    """
    scored = ScoredRows.load(folder)
    before = json.loads((folder / "client.json").read_text())
    about = {name: before[name] for name in ("name", "job", "model", "overlap") if name in before}
    return judge(folder, scored, read_bar(folder / "anchors.json"), settings, about)


def anchors_file(bar: Bar, settings: SelectionSettings) -> dict[str, Any]:
    """The content of anchors.json: the bar, and where the anchors themselves stand."""
    own = select(bar.anchors, bar, settings)
    return {
        **asdict(settings),
        "n": bar.size,
        "level": bar_level(settings, own.statistic),
        "criteria": stated(bar.criteria),
        "channels": {name: np.asarray(values, float).tolist() for name, values in bar.anchors.items()},
        "bar": {name: np.asarray(values, float).tolist() for name, values in bar.to_arrays().items()},
        "evidence": {name: own.evidence[:, j].tolist() for j, name in enumerate(own.criteria)},
        "statistic": own.statistic.tolist(),
    }


def read_bar(file: Path) -> Bar:
    """The bar in an anchors.json."""
    anchors = check_version(file, json.loads(file.read_text()))
    return Bar.from_arrays(anchors["bar"], criteria_stated(anchors["criteria"]))


def cautions(bar: Bar, settings: SelectionSettings) -> list[Caution]:
    """What a reader must know before trusting the bar."""
    own = calibrate(bar.anchors, bar).statistic.tolist()
    return about_bar(own, settings.rule, settings.alpha, is_evidence=not bar.by_score)


def read_decisions(file: Path, rows: Sequence[Row]) -> list[str]:
    """The owner's decision per row: `keep`, `drop`, or empty. Raises DecisionError for a line it cannot apply."""
    decisions = dict.fromkeys((row.id for row in rows), "")
    lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            row, decision = entry["id"], entry["decision"]
        except (ValueError, KeyError, TypeError) as error:
            raise DecisionError(f"{file}:{number}: a line needs id, decision and why as a JSON object") from error
        if row not in decisions or decision not in DECISIONS:
            raise DecisionError(f"{file}:{number}: {row!r} {decision!r} is no row of this file with keep or drop")
        decisions[row] = decision
    return list(decisions.values())


def _full_name(source: Path) -> str:
    """The name under which the data set is found from any folder."""
    return str(source.resolve()) if open_data_set(source).location else str(source)


def _dropped(row: Row, i: int, selection: Selection, decision: str) -> dict[str, Any]:
    """A line of dropped.jsonl: the record with its reason and the evidence: below 0 it looks like a spoiled answer."""
    j = int(selection.worst[i])
    return {
        "id": row.id,
        "line": row.line,
        "reason": OWNER if decision else selection.criteria[j],
        "p": float(selection.p[i]),
        "evidence": round(float(selection.evidence[i, j]), 3),
        "record": row.record,
    }

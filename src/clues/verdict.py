"""The verdict on one owner's file: scores against the bar, the owner's decisions, and the files that stay with him."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clues.config import SCHEMA_VERSION, SelectionSettings
from clues.data.prepare import Prepared
from clues.data.rows import Row
from clues.data.writing import write_rows, write_set_aside
from clues.scoring.criteria import CRITERIA, Criterion, forward_only
from clues.scoring.forward import Forward
from clues.selection.select import Selection, select

Channels = Mapping[str, np.ndarray]


class DecisionError(ValueError):
    """A decisions file that cannot be applied; the text names the line."""


@dataclass(frozen=True)
class Verdict:
    """What may be told about a file in numbers, and no more."""

    rows: int
    kept: int
    dropped: int
    reasons: dict[str, int]


def judge(
    folder: Path,
    source: Path,
    prepared: Prepared,
    channels: Channels,
    anchors: Channels,
    settings: SelectionSettings,
    about: Mapping[str, Any],
) -> Verdict:
    """Select, and write into `folder`: scores.parquet, kept and dropped rows, set_aside.jsonl, anchors.json, client.json.

    `decisions.jsonl` in the folder, if there is one, overrides the rule: lines with `id`, `decision` (keep or drop)
    and `why`. `about` goes into client.json as it is. No model is needed, so selecting again costs seconds.
    """
    criteria = criteria_of(anchors)
    selection = select(channels, anchors, criteria, settings)
    decisions = read_decisions(folder / "decisions.jsonl", prepared.rows)
    keep = np.array([{"keep": True, "drop": False}.get(d, k) for d, k in zip(decisions, selection.keep, strict=True)], bool)
    write_scores(folder / "scores.parquet", prepared, channels, selection, keep, decisions)
    write_rows(source, [r for r, k in zip(prepared.rows, keep, strict=True) if k], folder / f"kept{_suffix(source)}")
    _write_dropped(folder / "dropped.jsonl", prepared.rows, selection, keep, decisions)
    write_set_aside(prepared.set_aside, folder / "set_aside.jsonl")
    write_json(folder / "anchors.json", bar(anchors, criteria, settings))
    reasons = Counter(r if r and not d else "owner" for r, k, d in zip(selection.reason, keep, decisions, strict=True) if not k)
    verdict = Verdict(len(keep), int(keep.sum()), int((~keep).sum()), dict(reasons))
    write_json(folder / "client.json", {**about, **asdict(verdict), **_counts(prepared, decisions), **asdict(settings),
                                        "anchors": len(next(iter(anchors.values()))), "warnings": warnings(anchors, settings)})
    return verdict


def criteria_of(channels: Channels) -> tuple[Criterion, ...]:
    """The criteria that these channels allow: all of them, or their forward channels alone."""
    has_gradient = any(name.endswith(".gradient") for name in channels)
    return CRITERIA if has_gradient else forward_only(CRITERIA)


def bar(anchors: Channels, criteria: Sequence[Criterion], settings: SelectionSettings) -> dict[str, Any]:
    """The content of anchors.json: the anchors' channels, and where they stand among themselves."""
    own = select(anchors, anchors, criteria, settings)
    return {
        "schema_version": SCHEMA_VERSION,
        **asdict(settings),
        "n": len(own.p),
        "criteria": {c.name: list(c.channels) for c in criteria},
        "channels": {name: np.asarray(values, float).tolist() for name, values in anchors.items()},
        "z": {name: own.z[:, j].tolist() for j, name in enumerate(own.criteria)},
        "statistic": own.statistic.tolist(),
    }


def warnings(anchors: Channels, settings: SelectionSettings) -> list[str]:
    """What a reader must know before he trusts the bar."""
    n = len(next(iter(anchors.values())))
    found = []
    if settings.rule == "conformal" and settings.alpha < 1 / (n + 1):
        found.append(f"{n} anchors cannot show p below {1 / (n + 1):.3f}: at alpha {settings.alpha} nothing is dropped.")
    if n < 30:
        found.append(f"Only {n} anchors: the bar is coarse and depends on each of them.")
    return found


def read_decisions(file: Path, rows: Sequence[Row]) -> list[str]:
    """The owner's decision per row: `keep`, `drop`, or empty. Raises DecisionError for a line it cannot apply."""
    decisions = dict.fromkeys((row.id for row in rows), "")
    lines = file.read_text().splitlines() if file.exists() else []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            row, decision = entry["id"], entry["decision"]
        except (ValueError, KeyError, TypeError) as error:
            raise DecisionError(f"{file}:{number}: a line needs id, decision and why as a JSON object") from error
        if row not in decisions or decision not in ("keep", "drop"):
            raise DecisionError(f"{file}:{number}: {row!r} {decision!r} is no row of this file with keep or drop")
        decisions[row] = decision
    return list(decisions.values())


def write_scores(
    file: Path, prepared: Prepared, channels: Channels, selection: Selection, keep: np.ndarray, decisions: Sequence[str]
) -> None:
    """scores.parquet: one line per record of the file, in its order; docs/FORMATS.md lists the columns."""
    rows, encoded = prepared.rows, prepared.encoded
    columns: dict[str, Any] = {
        "id": [r.id for r in rows],
        "line": [r.line for r in rows],
        "hash": [r.content_hash for r in rows],
        "status": ["scored"] * len(rows),
        "tokens": [sum(e.response_mask) for e in encoded],
        "truncated": [e.truncated for e in encoded],
        **{name: np.asarray(values, float) for name, values in channels.items()},
    }
    for j, name in enumerate(selection.criteria):
        columns |= {f"z_{name}": selection.z[:, j], f"p_{name}": selection.p_criterion[:, j]}
    columns |= {"p": selection.p, "statistic": selection.statistic, "keep": keep}
    columns |= {"reason": ["" if k else r for r, k in zip(selection.reason, keep, strict=True)], "decision": list(decisions)}
    table = pa.table(columns)
    aside = pa.table({"line": [s.line for s in prepared.set_aside], "status": [s.reason for s in prepared.set_aside]},
                     schema=pa.schema([("line", pa.int64()), ("status", pa.string())]))
    table = pa.concat_tables([table, aside], promote_options="default").sort_by("line")
    scratch = file.with_suffix(".part")
    pq.write_table(table.replace_schema_metadata({"schema_version": str(SCHEMA_VERSION)}), scratch)
    scratch.replace(file)


def write_explanations(file: Path, prepared: Prepared, forward: Forward) -> None:
    """explanations.parquet: what each response token adds to the forward channels, with its place in the response."""
    spans = [np.array(e.spans).reshape(-1, 2) for e in prepared.encoded]
    table = pa.table(
        {
            "id": [r.id for r in prepared.rows],
            "start": [s[:, 0] for s in spans],
            "end": [s[:, 1] for s in spans],
            "fluency": forward.fluency,
            "relevance": forward.relevance,
        }
    )
    pq.write_table(table, file)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".part")
    scratch.write_text(json.dumps({"schema_version": SCHEMA_VERSION, **content}, indent=1, ensure_ascii=False) + "\n")
    scratch.replace(file)


def _write_dropped(
    file: Path, rows: Sequence[Row], selection: Selection, keep: np.ndarray, decisions: Sequence[str]
) -> None:
    with file.open("w") as stream:
        for i, row in enumerate(rows):
            if keep[i]:
                continue
            j = int(np.nanargmin(selection.z[i]))
            reason = "owner" if decisions[i] else selection.criteria[j]
            entry = {"id": row.id, "line": row.line, "reason": reason, "p": selection.p[i],
                     "below_anchors_sd": round(float(-selection.z[i, j]), 3), "record": row.record}
            stream.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")


def _counts(prepared: Prepared, decisions: Sequence[str]) -> dict[str, int]:
    return {
        "set_aside": len(prepared.set_aside),
        "duplicates": prepared.duplicates,
        "truncated": prepared.truncated,
        "decided_by_owner": sum(map(bool, decisions)),
    }


def _suffix(source: Path) -> str:
    return "".join(source.suffixes[-2:]) if source.suffixes[-1:] == [".gz"] else source.suffix

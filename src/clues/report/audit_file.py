"""audit.jsonl: the sample as a person reads and fills it in, and the decisions that come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clues.data.files.records import conversation
from clues.disk.reading import read_json, read_lines
from clues.disk.writing import write_jsonl, write_text
from clues.errors import AuditError

FILE = "audit.jsonl"
VERDICTS = ("bad", "good", "")
WHY = "judged good in clues audit"
"""The `why` of a decision that an audit wrote: such lines are its own to change."""


def write_sample(folder: Path, sample: Sequence[str], seed: int) -> None:
    """Write the rows of these ids, without verdicts. Raises AuditError where dropped.jsonl lacks one of them."""
    columns = read_json(folder / "client.json").get("columns") or None
    dropped = {entry["id"]: entry for entry in read_lines(folder / "dropped.jsonl")}
    if missing := [name for name in sample if name not in dropped]:
        raise AuditError(f"{folder}: row {missing[0]} of scores.parquet is not in dropped.jsonl; select again")
    write_jsonl([_line(dropped[name], seed, columns) for name in sample], folder / FILE)


def _line(entry: Mapping[str, Any], seed: int, columns: Mapping[str, str] | None) -> dict[str, Any]:
    """What a person needs to judge a row: all turns but the assistant's, the assistant's, and the reason given."""
    turns = conversation(entry["record"], columns)
    texts = {
        "prompt": "\n\n".join(turn.content for turn in turns if turn.role != "assistant"),
        "response": "\n\n".join(turn.content for turn in turns if turn.role == "assistant"),
    }
    return {**{key: entry[key] for key in ("id", "line", "reason")}, "seed": seed, **texts, "verdict": ""}


def read_entries(folder: Path) -> list[dict[str, Any]]:
    """The lines of audit.jsonl as people left them; empty without the file. Raises AuditError naming a bad line."""
    file = folder / FILE
    if not file.exists():
        return []
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise AuditError(f"{file}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    return [_entry(line, f"{file}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _entry(line: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise AuditError(
            f"{where} is not JSON ({error}); only the verdict between its quotes needs to change"
        ) from error
    types = {"id": str, "seed": int, "verdict": str}
    if not isinstance(entry, dict) or any(type(entry.get(key)) is not kind for key, kind in types.items()):
        raise AuditError(f"{where}: a line needs id and verdict as text and seed as a whole number")
    if entry["verdict"] not in VERDICTS:
        said = json.dumps(entry["verdict"], ensure_ascii=False)
        raise AuditError(f'{where}: the verdict is {said}; write "bad" or "good", or leave it empty')
    return entry


def decide(folder: Path, verdicts: Mapping[str, str]) -> list[str]:
    """Put rows judged good into decisions.jsonl as keep, and take back those no longer judged so; the ids put there.

    An owner's own line on a row stands, and is neither changed nor overruled.
    """
    file = folder / "decisions.jsonl"
    lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n") if file.exists() else []
    own = [line for line in lines if line.strip() and _decision(line).get("why") != WHY]
    decided = {_decision(line).get("id") for line in own}
    good = [name for name, verdict in verdicts.items() if verdict == "good" and name not in decided]
    new = own + [json.dumps({"id": name, "decision": "keep", "why": WHY}, ensure_ascii=False) for name in good]
    if new != lines:
        write_text("".join(f"{line}\n" for line in new), file)
    return good


def _decision(line: str) -> dict[str, Any]:
    """A line of decisions.jsonl; one that is no object is left for `clues select` to complain about."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

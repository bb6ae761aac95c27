"""The numbers of a finished run that matter, from metrics.json and selection.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clues.cli.output import table
from clues.cli.text.words import duration, fixed, percent
from clues.disk.reading import read_json

SELECTION = {"auc": "AUC", "precision": "precision", "recall": "recall", "f1": "F1"}
HOW = ("federated", "merged")


def run_facts(folder: Path) -> dict[str, Any]:
    """What a program wants to know first; the whole is in metrics.json."""
    metrics, selection = read_json(folder / "metrics.json"), read_json(folder / "selection.json")
    clients = selection["clients"].values()
    measured = metrics.get("selection", {})
    published = measured.get("published")
    return {
        "rows": sum(client["rows"] for client in clients),
        "kept": sum(client["kept"] for client in clients),
        "rule": selection["rule"],
        "selection": {key: measured[key] for key in SELECTION} if measured else None,
        "published": published and {key: published[key] for key in (*SELECTION, "which")},
        "models": {
            arm: {how: found["test_nll"] for how, found in both.items()} for arm, both in metrics["models"].items()
        },
        "gap_closed": metrics["gap_closed"],
        "seconds": round(sum(metrics["seconds"].values()), 1),
    }


def run_text(page: Path, facts: Mapping[str, Any]) -> str:
    """The same for a person."""
    blocks = [f"{facts['kept']} of {facts['rows']} rows kept by the rule {facts['rule']}"]
    if facts["selection"]:
        blocks.append(table(_selection_rows(facts)))
    models = [["test NLL (lower is better)", *HOW]]
    models += [[arm, *(_number(both.get(how), 4) for how in HOW)] for arm, both in facts["models"].items()]
    gaps = [f"{how} {_gap(share)}" for how, share in facts["gap_closed"].items()]
    blocks.append(table(models))
    if gaps:
        blocks.append(f"gap from mixed to oracle closed: {', '.join(gaps)}")
    blocks.append(f"time    {duration(facts['seconds'])}\nreport  {page}")
    return "\n\n".join(blocks)


def _selection_rows(facts: Mapping[str, Any]) -> list[list[str]]:
    named = {"clues": facts["selection"]}
    if facts["published"]:
        named[f"published ({facts['published']['which']})"] = facts["published"]
    rows = [[name, *(_number(found[key], 3) for key in SELECTION)] for name, found in named.items()]
    return [["selection", *SELECTION.values()], *rows]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else fixed(value, digits)


def _gap(share: float | None) -> str:
    return "not stated (mixed is not clearly worse than oracle)" if share is None else percent(share)

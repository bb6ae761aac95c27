"""From tables and arms to docs/study/labels.csv and labels_downstream.csv.

The positive class is a wrong row: what a scorer has to find. A rule's flagged rows are those that it drops.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from clues.kernels.conformal import conformal
from clues.selection.rules import keep_rows
from clues.statistics.ranking import auc
from clues.statistics.shares import selection_shares
from clues_research.labels.command import RESULTS_OF_LABELS
from clues_research.labels.tables import LabelTable
from clues_research.places import DOCS
from clues_research.selection.measure import RULES

WORLD = ("model", "data", "noise", "share", "where")
FIELDS = (
    *WORLD, "positive", "scorer", "rule", "seed", "auc", "ap", "precision", "recall", "f1", "kept_clean",
    "kept_worst_class",
)  # fmt: skip
DOWNSTREAM = (*WORLD, "arm", "way", "seed", "accuracy", "nll")
POSITIVE = "wrong row"
OWN, TOLD = "own", "told"
"""Rules: a scorer's own (cleanlab's estimate, the product's verdict); as many rows as are wrong, which nobody knows."""
BY_ANCHORS = ("conformal 0.1", "fdr 0.1")
KEPT = ".kept"
FEWEST = 8
"""Good rows of a class, for its kept share to say something in one table."""
DIGITS = 4


def labels_summary(*, results: Path = RESULTS_OF_LABELS, output: Path = DOCS / "study") -> None:
    """Write both files from what is in `results`."""
    tables = [LabelTable.load(file) for file in sorted((results / "tables").glob("*.parquet"))]
    _write(output / "labels.csv", FIELDS, (line for table in tables for line in lines(table)))
    arms = [json.loads(file.read_text()) for file in sorted((results / "arms").glob("*.json"))]
    _write(output / "labels_downstream.csv", DOWNSTREAM, (line for made in arms for line in downstream(made)))


def lines(table: LabelTable) -> Iterator[dict[str, Any]]:
    """One per scorer and rule."""
    label, true = table.column("label"), table.column("true")
    wrong = label != true
    about = {name: table.facts[name] for name in (*WORLD, "seed")} | {"positive": POSITIVE}
    for scorer in table.scorers:
        if scorer.endswith((KEPT, ".p")):
            continue
        score = table.values(scorer)
        for rule, keep in kept(table, scorer, score, int(wrong.sum())).items():
            yield {**about, "scorer": scorer, "rule": rule, **measures(score, keep, wrong, label)}


def kept(table: LabelTable, scorer: str, score: np.ndarray, wrong: int) -> dict[str, np.ndarray]:
    """Rule -> [R] bool. A row without a score is kept."""
    found: dict[str, np.ndarray] = {}
    anchors = table.values(scorer, "anchor")
    if np.isfinite(anchors).all() and np.isfinite(score).any():
        filled = np.where(np.isfinite(score), score, np.inf)
        p = conformal(np.nan_to_num(filled, posinf=np.finfo(float).max)[:, None], anchors[:, None]).p
        found |= {rule: keep_rows(RULES[rule], p, score, anchors) for rule in BY_ANCHORS}
    if (own := _own(table.scorers, scorer)) is not None:
        found[OWN] = table.values(own) > 0
    ranked = np.argsort(np.nan_to_num(score, nan=np.inf), kind="stable")
    found[TOLD] = ~np.isin(np.arange(len(score)), ranked[:wrong])
    return found


def _own(scorers: Sequence[str], scorer: str) -> str | None:
    """The column that says what a scorer's own rule keeps: its own, or of the family its name begins with."""
    return next((n for n in (scorer + KEPT, scorer.rpartition(".")[0] + KEPT) if n in scorers), None)


def measures(score: np.ndarray, keep: np.ndarray, wrong: np.ndarray, label: np.ndarray) -> dict[str, Any]:
    """AUC and average precision of finding wrong rows, and what a rule makes of the rows; `label` is what rows say."""
    filled = np.nan_to_num(score, nan=float(np.finfo(np.float32).max))
    found = selection_shares(~keep, wrong)  # of what was flagged
    good = ~wrong
    classes = [c for c in np.unique(label) if (good & (label == c)).sum() >= FEWEST]
    shares = [keep[good & (label == c)].mean() for c in classes]
    measured = {
        "auc": auc(good, filled),
        "ap": average_precision_score(wrong, -filled) if wrong.any() else None,
        "precision": found["precision"],
        "recall": found["recall"],
        "f1": (found["f1"] or 0.0) if wrong.any() else None,  # who flags nothing finds nothing
        "kept_clean": keep[good].mean() if good.any() else None,
        "kept_worst_class": min(shares) if shares else None,
    }
    return {name: "" if value is None else round(float(value), DIGITS) for name, value in measured.items()}


def downstream(made: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One line per arm of a file of arms."""
    about = {name: made[name] for name in (*WORLD, "way", "seed")}
    for arm, found in made["arms"].items():
        yield {**about, "arm": arm, **{name: round(found[name], DIGITS) for name in ("accuracy", "nll")}}


def _write(file: Path, fields: Sequence[str], made: Iterable[Mapping[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(made)

"""From tables to docs/study/selection.csv and selection_summary.json: every figure of the study, without a model."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clues.statistics.shares import share
from clues_research.places import DOCS, TABLES
from clues_research.selection import ours
from clues_research.selection.ablations import ablations
from clues_research.selection.intervals import areas, estimate, rates
from clues_research.selection.labels import labels
from clues_research.selection.measure import ALL, PLAIN, RULES, Judged, against, kept_elsewhere, kinds_of, measured
from clues_research.selection.others import OTHERS
from clues_research.selection.others import judged as other
from clues_research.selection.page import SUMMARY, write_page
from clues_research.selection.plan import CHANGED, CHOOSE, SMOLLM2, plan
from clues_research.selection.read import Table
from clues_research.selection.told import told
from clues_research.selection.validity import validity

STUDY = DOCS / "study"
OURS, RULE = "clues", "conformal 0.1"
FIELDS = ("model", "dataset", "clients", "scorer", "rule", "kinds", "share", "anchors", "validation", "seed")
RATES = ("precision", "recall", "f1", "good_among_dropped")
MEASURES = ("auc", "precision", "recall", "f1", "accuracy", "kept_clean")


def verdicts(table: Table) -> dict[str, Judged]:
    """Every scorer's verdict on a table, ours first."""
    found = {OURS: ours.judged(table), f"{OURS}, forward": ours.judged(table, ours.forward_alone(ours.Variant()))}
    return found | {name: other(table, name, table.first_pass) for name in OTHERS}


def lines(table: Table, found: dict[str, Judged]) -> Iterator[dict[str, Any]]:
    """Lines of selection.csv."""
    model, dataset, _, seed = table.name.split("-")
    mixture = table.facts["mixture"]
    about = {
        "model": model, "dataset": dataset, "clients": len(mixture["sources"]), "share": mixture["share"],
        "anchors": mixture["anchor_rows"], "validation": mixture["validation_rows"], "seed": int(seed),
    }  # fmt: skip
    for scorer, verdict in found.items():
        for line in measured(table, verdict):
            yield {**about, "scorer": scorer, **line}


def write_csv(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """The lines, in the order of `FIELDS` and `MEASURES`, four digits each."""
    columns: list[str] = [*FIELDS, *MEASURES]
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {m: "" if row[m] is None else f"{row[m]:.4f}" for m in MEASURES})


def summary(tables: Sequence[Table], found: Sequence[dict[str, Judged]]) -> dict[str, Any]:
    """Figures over several tables of one mixture, with their intervals, and every other scorer against ours."""
    mine = [judged[OURS] for judged in found]
    kinds = [kind for kind in (PLAIN, ALL, *kinds_of(ALL)) if all(_has(table, kind) for table in tables)]
    return {
        "tables": [table.name for table in tables],
        "each": [
            {
                "auc": float(_areas([t], [j], PLAIN)[0]) if PLAIN in kinds else None,
                "kept_clean": _kept([t], [j])["value"],
            }
            for t, j in zip(tables, mine, strict=True)
        ],
        "auc": {kind: estimate(_areas(tables, mine, kind)) for kind in kinds},
        "kept_clean": _kept(tables, mine),
        "kept_by_client": _kept_by_client(tables, mine),
        "rates": estimate(_rates(tables, mine, PLAIN), RATES),
        "fdr": estimate(_rates(tables, mine, ALL, "fdr 0.1"), RATES),
        "rules": {rule: estimate(_rates(tables, mine, PLAIN, rule), RATES) for rule in RULES},
        "elsewhere": _elsewhere(tables, mine),
        "against": {name: _against(tables, found, name, kinds) for name in found[0] if name != OURS and PLAIN in kinds},
    }


def _against(
    tables: Sequence[Table], found: Sequence[dict[str, Judged]], name: str, kinds: Sequence[str]
) -> dict[str, Any]:
    """Another scorer, and what ours gains on it, paired."""
    mine, theirs = ([judged[which] for judged in found] for which in (OURS, name))
    best = max((float(_rates(tables, theirs, PLAIN, rule)[0][2]), rule) for rule in (RULE, "fdr 0.1", "anchor-mean"))
    gains = {kind: estimate(_areas(tables, mine, kind) - _areas(tables, theirs, kind)) for kind in kinds}
    return {
        "auc": estimate(_areas(tables, theirs, PLAIN)),
        "f1_best_rule": best,
        "f1_gain": estimate(_rates(tables, mine, PLAIN)[:, 2] - _rates(tables, theirs, PLAIN)[:, 2]),
        "auc_gain": gains,
    }


def _has(table: Table, kind: str) -> bool:
    rows = against(table, kind)
    return bool((~table.clean[rows]).any() and table.clean[rows].any())


def _areas(tables: Sequence[Table], judged: Sequence[Judged], kind: str) -> np.ndarray:
    """[1 + RESAMPLES] the mean over tables: as measured, then resampled (the same resamples for every scorer)."""
    found = []
    for seed, (table, verdict) in enumerate(zip(tables, judged, strict=True)):
        rows = against(table, kind)
        found.append(areas(table.clean[rows], verdict.statistic[rows], seed))
    return np.mean(found, axis=0)


def _rates(tables: Sequence[Table], judged: Sequence[Judged], kinds: str, rule: str = RULE) -> np.ndarray:
    """[1 + RESAMPLES, 4] `RATES` over all tables' rows pooled."""
    rows = [against(table, kinds) for table in tables]
    keep = [verdict.keep(table, rule, table.mixture)[r] for table, verdict, r in zip(tables, judged, rows, strict=True)]
    found = rates(keep, [table.clean[r] for table, r in zip(tables, rows, strict=True)])
    return np.stack([found[name] for name in RATES], axis=1)


def _kept(tables: Sequence[Table], judged: Sequence[Judged], client: str = "") -> dict[str, Any]:
    """The share of the clean rows of all clients, or of one, that is kept."""
    kept = rows = 0
    for table, verdict in zip(tables, judged, strict=True):
        clean = table.mixture & table.clean & ((table.columns["client"] == client) if client else True)
        kept, rows = kept + int(verdict.keep(table, RULE, table.mixture)[clean].sum()), rows + int(clean.sum())
    found = share("value", kept, rows)
    return {"value": found["value"], "low": found["value_low"], "high": found["value_high"], "rows": rows}


def _kept_by_client(tables: Sequence[Table], judged: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    clients = tables[0].facts["mixture"]["sources"]
    return {client: _kept(tables, judged, client) for client in clients}


def _elsewhere(tables: Sequence[Table], judged: Sequence[Judged]) -> dict[str, Any]:
    counts: dict[str, np.ndarray] = {}
    for table, verdict in zip(tables, judged, strict=True):
        for name, pair in kept_elsewhere(table, verdict).items():
            counts[name] = counts.get(name, np.zeros(2, int)) + np.array(pair)
    return {name: {**share("kept", int(kept), int(rows)), "rows": int(rows)} for name, (kept, rows) in counts.items()}


def figures(load: Callable[[str], Table | None]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All lines of the CSV, and the summary, from the tables there are."""
    rows, found = [], {}
    for name, members in groups().items():
        tables = [table for member in members if (table := load(member))]
        if not tables:
            continue
        if name.endswith("labels"):
            found[name] = {"tables": [table.name for table in tables], **labels(tables, name.split()[1])}
            continue
        judged = [verdicts(table) for table in tables]
        if not name.endswith(("first three", "seed 0", *CHANGED)):  # else the same keys as the plain tables'
            rows += [line for table, one in zip(tables, judged, strict=True) for line in lines(table, one)]
        found[name] = summary(tables, judged)
        if name in ("choose half", "report half"):
            found[name.replace("half", "ablations")] = ablations(tables)
            found[name.replace("half", "validity")] = validity(tables)
            found[name.replace("half", "told")] = told(tables) if len(tables) > 1 else {}
    return rows, found


def groups() -> dict[str, list[str]]:
    """Name of a part of the summary -> names of the tables that it is about."""
    found: dict[str, list[str]] = {}
    for planned in plan(Path()):
        part = "choose" if planned.seed in CHOOSE else "report"
        about = [name for name in (planned.model, planned.data) if name not in (SMOLLM2, "medquad")]
        found.setdefault(" ".join([part, *about, planned.mix]), []).append(planned.name)
    found["choose first three"], found["choose seed 0"] = found["choose half"][:3], found["choose half"][:1]
    return found


def study() -> None:
    """Write docs/study and the page from the tables that are there."""

    def load(name: str) -> Table | None:
        file = TABLES / f"{name}.parquet"
        return Table.load(file) if file.exists() else None

    rows, found = figures(load)
    STUDY.mkdir(parents=True, exist_ok=True)
    write_csv(rows, STUDY / "selection.csv")
    SUMMARY.write_text(json.dumps(found, indent=1) + "\n")
    write_page()
    print(f"{len(rows)} lines from {len({(r['dataset'], r['share'], r['seed']) for r in rows})} tables")

"""What a table or figure is made of (lines of a CSV file, findings, perhaps a chart), and how arms are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clues.statistics.ranking import auc
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import ANY, SHARE, Estimate, Measured, over_rows, over_seeds, ratio
from clues_research.reproduction.plan import BASE
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import CLUES, MIXED, ORACLE, PUBLISHED, TRAINED, judged
from clues_research.reproduction.tables import Planned
from clues_research.reproduction.worlds import SEEDS
from clues_research.selection.read import Table

if TYPE_CHECKING:
    from altair import HConcatChart, LayerChart

WHOSE = (PUBLISHED, CLUES)
"""Both are put to every claim: the paper's score with its rule, and ours."""
OTHERS = ("perplexity", "ifd", "datainf")
SHOWN = ("nll", "gain", "share_of_oracle", "gap_closed", "rouge_l")
"""Columns of `method_lines` that say how good a model is."""
KEPT = ("kept_share", "precision", "recall")
"""Columns of `method_lines` that say what it was trained on."""
MEASURES = {"nll": "test NLL", "chosen": "right answer chosen", "rouge_l": "ROUGE-L", "chrf": "chrF"}
"""Of an arm's rows; higher is better but for the first."""
RANGE = {"chosen": SHARE, "rouge_l": (0.0, 100.0), "chrf": (0.0, 100.0)}
"""What they can be."""


@dataclass(frozen=True)
class Artefact:
    """One table or figure."""

    name: str
    title: str
    lines: list[dict[str, Any]]
    findings: list[Finding]
    chart: LayerChart | HConcatChart | None = None
    notes: tuple[str, ...] = ()
    shown: tuple[tuple[str, ...], ...] = ()
    """Columns of each of the page's tables, which shows the lines that have the first of its columns."""


def seeds_of(results: Results, world: str, *arms: str, measure: str = "nll") -> dict[int, list[Measured]]:
    """Seeds that have all of these arms -> each arm's values."""
    found = {seed: [results.measured(world, seed, arm, measure) for arm in arms] for seed in SEEDS}
    return {seed: [one for one in own if one] for seed, own in found.items() if all(one is not None for one in own)}


def tables_of(results: Results, world: str) -> dict[int, Table]:
    """Seeds that have a channel table of all clients -> the table."""
    found = {seed: results.table(Planned(results.worlds[world], seed)) for seed in SEEDS}
    return {seed: table for seed, table in found.items() if table is not None}


def area(table: Table, method: str) -> float:
    """The area under the curve of a method's statistic over all clients' rows."""
    rows = table.role("client")
    return auc(table.clean[rows], judged(table, method).statistic[rows]) or 0.0


def mean(results: Results, world: str, arm: str, measure: str = "nll") -> Estimate | None:
    """An arm's mean over seeds and rows."""
    found = seeds_of(results, world, arm, measure=measure)
    return over_rows({seed: own for seed, (own,) in found.items()}, RANGE.get(measure, ANY)) if found else None


def minus(results: Results, world: str, first: str, second: str, measure: str = "nll") -> Estimate | None:
    """The first arm's values minus the second's on the same rows."""
    found = seeds_of(results, world, first, second, measure=measure)
    return over_rows({seed: (a[0] - b[0], a[1]) for seed, (a, b) in found.items()}) if found else None


def gains(
    results: Results, claim: str, world: str, how: str, others: Sequence[str], about: str = ""
) -> Iterator[Finding]:
    """What the published selection and ours win on other methods, in test NLL; positive is better."""
    for whose in WHOSE:
        for other in others:
            found = minus(results, world, arm_name(other, how), arm_name(whose, how))
            if found:
                yield Finding(claim, whose, f"{other}, {about}" if about else other, found, MEASURES["nll"])


def shares_of_oracle(results: Results, claim: str, world: str, how: str) -> Iterator[Finding]:
    """The probability of a right token as a share of Oracle's."""
    for whose in WHOSE:
        found = _share_of_oracle(results, world, arm_name(whose, how), how)
        if found:
            yield Finding(claim, whose, ORACLE, found, "share of Oracle")


def _share_of_oracle(results: Results, world: str, arm: str, how: str) -> Estimate | None:
    found = minus(results, world, arm_name(ORACLE, how), arm)
    return None if found is None else over_seeds({seed: float(np.exp(v)) for seed, v in found.per_seed.items()})


def method_lines(
    results: Results, world: str, how: str, methods: Sequence[str] = (BASE, *TRAINED)
) -> Iterator[dict[str, Any]]:
    """One line per method: every measure, what it wins over mixed, its share of Oracle, what was kept."""
    for method in methods:
        arm = arm_name(method, how)
        found = mean(results, world, arm)
        if found is None:
            continue
        line: dict[str, Any] = {"world": world, "how": how, "method": method, "seeds": len(found.per_seed)}
        for measure in MEASURES:
            line |= ends(measure, mean(results, world, arm, measure))
        line |= ends("gain", None if method == MIXED else minus(results, world, arm_name(MIXED, how), arm))
        other = method not in (BASE, ORACLE)
        line |= ends("share_of_oracle", _share_of_oracle(results, world, arm, how) if other else None)
        line |= ends("gap_closed", _gap_closed(results, world, how, arm) if other and method != MIXED else None)
        yield line | kept_shares(results, world, arm)


def _gap_closed(results: Results, world: str, how: str, arm: str) -> Estimate | None:
    """What share of the gap from mixed to Oracle an arm closes; None where there is no clear gap."""
    mixed = arm_name(MIXED, how)
    own, whole = (minus(results, world, mixed, other) for other in (arm, arm_name(ORACLE, how)))
    if own is None or whole is None or set(own.per_seed) - set(whole.per_seed):
        return None
    return ratio(own.per_seed, whole.per_seed)


def ends(name: str, found: Estimate | None) -> dict[str, float | None]:
    """`name`, `name_low`, `name_high`."""
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def kept_shares(results: Results, world: str, arm: str) -> dict[str, float | None]:
    """Rows kept, and precision and recall of that, over all seeds."""
    total = {"rows": 0, "kept": 0, "clean": 0, "kept_clean": 0}
    for seed in SEEDS:
        for counts in ((results.arm(world, seed, arm) or {}).get("selected") or {}).values():
            total = {key: total[key] + counts[key] for key in total}
    if not total["rows"]:
        return {"kept_share": None, "precision": None, "recall": None}
    return {
        "kept_share": total["kept"] / total["rows"],
        "precision": total["kept_clean"] / total["kept"] if total["kept"] else None,
        "recall": total["kept_clean"] / total["clean"] if total["clean"] else None,
    }

"""What a table or figure is made of (lines of a CSV file, findings, perhaps a chart), and how arms are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from experiments.reproduction.claims import Finding
from experiments.reproduction.estimates import Estimate, Measured, over_seeds
from experiments.reproduction.plan import ALONE, BASE, FEDERATED, Job
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import CLUES, MIXED, ORACLE, PUBLISHED, TRAINED
from experiments.reproduction.worlds import SEEDS

from clues.evaluation.gap import Losses, gap_closed

if TYPE_CHECKING:
    from altair import LayerChart

WHOSE = (PUBLISHED, CLUES)
"""Both are put to every claim: the paper's score with its rule, and ours."""
OTHERS = ("perplexity", "ifd", "datainf")
SHOWN = ("nll", "minus_mixed", "share_of_oracle", "gap_closed", "chosen", "rouge_l")
"""Columns of `method_lines` that say how good a model is."""
SHARE_NOTE = (
    "share_of_oracle is exp(−minus_oracle). Models lie so near one another here that mixed may pass the paper's bound "
    "as well; gap_closed, (mixed − it) / (mixed − oracle), says more. It is stated where mixed is clearly worse."
)
MEASURES = {"nll": "test NLL", "chosen": "right answer chosen", "rouge_l": "ROUGE-L", "chrf": "chrF"}
"""Of an arm's rows; higher is better but for the first."""


@dataclass(frozen=True)
class Artefact:
    """One table or figure."""

    name: str
    title: str
    lines: list[dict[str, Any]]
    findings: list[Finding]
    chart: LayerChart | None = None
    notes: tuple[str, ...] = ()
    shown: tuple[str, ...] = field(default=())
    """Columns of the page's table; none: the page has the picture alone."""


def seeds_of(results: Results, world: str, *arms: str, measure: str = "nll") -> list[tuple[int, list[Measured]]]:
    """The seeds that have all of these arms, each with their values."""
    found = [(seed, [results.measured(world, seed, arm, measure) for arm in arms]) for seed in SEEDS]
    return [(seed, [one for one in own if one]) for seed, own in found if all(one is not None for one in own)]


def mean(results: Results, world: str, arm: str, measure: str = "nll") -> Estimate | None:
    """An arm's mean over seeds and rows."""
    found = seeds_of(results, world, arm, measure=measure)
    return over_seeds([own[0] for _, own in found]) if found else None


def minus(results: Results, world: str, first: str, second: str, measure: str = "nll") -> Finding | None:
    """The first arm's values minus the second's on the same rows, without a claim yet."""
    found = seeds_of(results, world, first, second, measure=measure)
    if not found:
        return None
    made = over_seeds([(own[0][0] - own[1][0], own[0][1]) for _, own in found])
    about = f"{first} − {second}"
    seeds = tuple(seed for seed, _ in found)
    return Finding("", "", about, made.value, made.low, made.high, made.n, seeds, MEASURES[measure])


def gains(
    results: Results, claim: str, world: str, how: str, others: Sequence[str], about: str = ""
) -> Iterator[Finding]:
    """What the published selection and ours win on other methods, in test NLL; positive is better."""
    for whose in WHOSE:
        for other in others:
            found = minus(results, world, arm_name(other, how), arm_name(whose, how))
            if found:
                yield named(found, claim, whose, f"{other}, {about}" if about else other)


def shares_of_oracle(results: Results, claim: str, world: str, how: str) -> Iterator[Finding]:
    """The probability of a right token as a share of Oracle's, the mean in the logarithm."""
    for whose in WHOSE:
        found = minus(results, world, arm_name(ORACLE, how), arm_name(whose, how))
        if found:
            low, high = (None if end is None else float(np.exp(end)) for end in (found.low, found.high))
            value = float(np.exp(found.value))
            yield Finding(claim, whose, ORACLE, value, low, high, found.n, found.seeds, "share of Oracle")


def named(found: Finding, claim: str, whose: str, about: str) -> Finding:
    """A comparison as a finding about a claim."""
    return Finding(claim, whose, about, found.value, found.low, found.high, found.n, found.seeds, found.measure)


def method_lines(results: Results, world: str, how: str) -> Iterator[dict[str, Any]]:
    """One line per method: every measure with its interval, differences to mixed and Oracle, what was kept."""
    for method in (BASE, *TRAINED):
        arm = arm_name(method, how)
        if mean(results, world, arm) is None:
            continue
        line: dict[str, Any] = {"world": world, "how": how, "method": method}
        for measure in MEASURES:
            line |= ends(measure, mean(results, world, arm, measure))
        for other in (MIXED, ORACLE):
            line |= ends(f"minus_{other}", minus(results, world, arm, arm_name(other, how)))
        line |= ends("gap_closed", None if method == BASE else _gap_closed(results, world, how, arm))
        line["share_of_oracle"] = None if line["minus_oracle"] is None else math.exp(-line["minus_oracle"])
        yield line | kept_shares(results, world, arm)


def _gap_closed(results: Results, world: str, how: str, arm: str) -> Estimate | None:
    """What share of the gap from mixed to Oracle an arm closes; None where there is no clear gap."""
    found = seeds_of(results, world, arm_name(MIXED, how), arm, arm_name(ORACLE, how))
    if not found:
        return None
    losses = [Losses(a[0], b[0], c[0], [str(d) for d in a[1]]) for _, (a, b, c) in found]
    gap = gap_closed(losses)
    return (
        None if gap.closed is None else Estimate(gap.closed, gap.low, gap.high, sum(len(one.mixed) for one in losses))
    )


def ends(name: str, found: Estimate | Finding | None) -> dict[str, float | None]:
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


def job(results: Results, world: str, seed: int, method: str, alone: bool = False) -> Job:
    """The job of an arm, to ask for its tables."""
    return Job(results.worlds[world], seed, method, ALONE if alone else FEDERATED)

"""Do the parts fit together? What must be so in any world, whatever the paper says, if nothing is broken."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.reproduction.artefact import minus, named
from experiments.reproduction.claims import NOT_ABOVE_ORACLE, ORDER, SHARING, Claim, Finding
from experiments.reproduction.plan import BASE, LOCAL
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import CLUES, MIXED, ORACLE

STEPS = ((ORDER, BASE, MIXED), (ORDER, MIXED, CLUES), (NOT_ABOVE_ORACLE, CLUES, ORACLE))


def order(results: Results, world: str, how: str) -> Iterator[Finding]:
    """Differences in test NLL along base, mixed, clues, Oracle, which are trained in one way."""
    for claim, worse, better in STEPS:
        pair = arm_name(worse, how), arm_name(better, how)
        yield from _step(results, claim, world, pair, f"{world}, {how}: {worse} − {better}")


def sharing(results: Results, world: str, hows: tuple[str, ...]) -> Iterator[Finding]:
    """What clients win over training alone, by averaging or merging, with the same rows and steps."""
    for method in (MIXED, CLUES):
        for how in hows:
            pair = arm_name(method, LOCAL), arm_name(method, how)
            yield from _step(results, SHARING, world, pair, f"{world}, {method}: {LOCAL} − {how}")


def _step(results: Results, claim: Claim, world: str, pair: tuple[str, str], about: str) -> Iterator[Finding]:
    found = minus(results, world, *pair)
    if found is not None:
        yield named(found, claim.name, "", about)

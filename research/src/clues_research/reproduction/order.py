"""Do the parts fit together? What must be so in any world, whatever the paper says, if nothing is broken."""

from __future__ import annotations

from collections.abc import Iterator

from clues_research.reproduction.artefact import MEASURES, minus
from clues_research.reproduction.claims import NOT_ABOVE_ORACLE, ORDER, SHARING, Finding
from clues_research.reproduction.plan import BASE, LOCAL
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import CLUES, MIXED, ORACLE

STEPS = ((ORDER, BASE, MIXED), (ORDER, MIXED, CLUES), (NOT_ABOVE_ORACLE, CLUES, ORACLE))


def order(results: Results, world: str, how: str) -> Iterator[Finding]:
    """Differences in test NLL along base, mixed, clues, Oracle, which are trained in one way."""
    for claim, worse, better in STEPS:
        found = minus(results, world, arm_name(worse, how), arm_name(better, how))
        if found is not None:
            yield Finding(claim.name, "", f"{world}, {how}: {worse} − {better}", found, MEASURES["nll"])


def sharing(results: Results, world: str, hows: tuple[str, ...]) -> Iterator[Finding]:
    """What clients win over training alone, by averaging or merging, with the same rows and steps."""
    for method in (MIXED, CLUES):
        for how in hows:
            found = minus(results, world, arm_name(method, LOCAL), arm_name(method, how))
            if found is not None:
                yield Finding(SHARING.name, "", f"{world}, {method}: {LOCAL} − {how}", found, MEASURES["nll"])

"""Table 1: MedicalQA, federated, 40 % spoiled: Oracle, mixed, and five ways to select."""

from __future__ import annotations

from clues.statistics.accuracy import accuracies, accuracy_comparison
from clues_research.reproduction.artefact import (
    KEPT,
    OTHERS,
    SHOWN,
    WHOSE,
    Artefact,
    gains,
    method_lines,
    shares_of_oracle,
)
from clues_research.reproduction.charts import gain_chart
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import Estimate
from clues_research.reproduction.order import order
from clues_research.reproduction.plan import BASE, FEDERATED
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import MIXED, TRAINED
from clues_research.reproduction.worlds import SEEDS

WORLD = "medquad-40"


def make(results: Results) -> Artefact:
    """The table, with what final models know where they were asked."""
    known = _knowledge(results)
    lines = [line | known.get(line["method"], {}) for line in method_lines(results, WORLD, FEDERATED)]
    findings = [
        *gains(results, "federated: better than mixed", WORLD, FEDERATED, (MIXED,)),
        *gains(results, "federated: better than other selections", WORLD, FEDERATED, OTHERS),
        *shares_of_oracle(results, "federated: 96 % of Oracle", WORLD, FEDERATED),
        *_knowledge_gains(results),
        *order(results, WORLD, FEDERATED),
    ]
    shown = ("method", *SHOWN), ("method", "chosen", "knowledge", *KEPT)
    notes = (
        "Exam questions are asked of the first seed's models alone; that interval is over questions. They have four "
        "answers each, so a quarter is right by guessing, and so small a model guesses.",
    )
    title = "Table 1: MedQuAD, federated, 40 % spoiled"
    return Artefact("table1", title, lines, findings, gain_chart(lines, "method", "how"), notes, shown)


def _right(results: Results, method: str) -> dict[str, list[bool]]:
    """Whether the first seed's model answered each question of every topic rightly; empty unless it was asked."""
    found = results.right(WORLD, SEEDS[0], arm_name(method, FEDERATED)) or {}
    return {task: [bool(one) for one in own] for task, own in found.items()}


def _knowledge(results: Results) -> dict[str, dict[str, float | None]]:
    known = {method: _right(results, method) for method in (BASE, *TRAINED)}
    means = {method: accuracies(right) for method, right in known.items() if right}
    return {
        method: {f"knowledge{end}": getattr(one, f"mean_accuracy{end}") for end in ("", "_low", "_high")}
        for method, one in means.items()
    }


def _knowledge_gains(results: Results) -> list[Finding]:
    """Differences on the same questions, of the first seed's models; intervals over questions."""
    mixed, result = _right(results, MIXED), []
    for whose in WHOSE:
        own = _right(results, whose)
        if own and mixed:
            one = accuracy_comparison((whose, MIXED), (own, mixed), 2000, 0)
            value = one.difference or 0.0
            found = Estimate(value, one.low, one.high, {SEEDS[0]: value})
            result.append(Finding("knowledge", whose, MIXED, found, "share of questions"))
    return result

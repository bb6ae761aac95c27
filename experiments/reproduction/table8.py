"""Table 8: what the model writes before and after training, on raw and on selected data."""

from __future__ import annotations

from typing import Any

from experiments.reproduction.artefact import WHOSE, Artefact, minus, named
from experiments.reproduction.plan import BASE, FEDERATED
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import CLUES, MIXED, ORACLE
from experiments.reproduction.worlds import SEEDS

WORLD = "medquad-40"
METHODS = (BASE, MIXED, CLUES, ORACLE)


def make(results: Results) -> Artefact:
    """Some prompts of the first seed, with each model's answer; ROUGE-L over all prompts and seeds."""
    written = {method: results.written(WORLD, SEEDS[0], arm_name(method, FEDERATED)) for method in METHODS}
    lines: list[dict[str, Any]] = [
        {"question": one["question"], "reference": one["reference"]}
        | {method: answers[i]["answer"] for method, answers in written.items() if answers}
        for i, one in enumerate(written[BASE])
    ]
    findings = [
        named(found, "answers improve", whose, MIXED)
        for whose in WHOSE
        if (found := minus(results, WORLD, arm_name(whose, FEDERATED), arm_name(MIXED, FEDERATED), "rouge_l"))
    ]
    shown = ("question", "reference", *METHODS)
    return Artefact("table8", "Table 8: answers before and after", lines, findings, shown=shown)

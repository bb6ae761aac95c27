"""Table 8: what the model writes before and after training, on raw and on selected data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clues_research.reproduction.artefact import MEASURES, WHOSE, Artefact, ends, mean, minus
from clues_research.reproduction.charts import dots
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.plan import BASE, FEDERATED, FINAL
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import CLUES, MIXED, ORACLE
from clues_research.reproduction.worlds import SEEDS

WORLD = "medquad-40"
METHODS = (BASE, MIXED, CLUES, ORACLE)
"""Whose answers are shown."""
NOTES = (
    "The first prompts of the first seed; greedy, at most 120 tokens. The answers are a small model's and no medical "
    "advice. ROUGE-L and chrF (0 to 100) are over the first 24 test prompts of every seed.",
)


def make(results: Results) -> Artefact:
    """Some prompts of the first seed, with each model's answer; ROUGE-L over all prompts and seeds."""
    scores = list(_scores(results))
    chart = dots(scores, "rouge_l", "method", "measure", "ROUGE-L of the answers")
    shown = ("method", "rouge_l", "chrf"), ("question", "reference", *METHODS)
    lines = [*scores, *_answers(results)]
    return Artefact("table8", "Table 8: answers before and after", lines, list(_findings(results)), chart, NOTES, shown)


def _scores(results: Results) -> Iterator[dict[str, Any]]:
    for method in FINAL:
        arm = arm_name(method, FEDERATED)
        found = mean(results, WORLD, arm, "rouge_l")
        if found is not None:
            chrf = ends("chrf", mean(results, WORLD, arm, "chrf"))
            yield {"method": method, "measure": "ROUGE-L", **ends("rouge_l", found), **chrf}


def _answers(results: Results) -> Iterator[dict[str, Any]]:
    written = {method: results.written(WORLD, SEEDS[0], arm_name(method, FEDERATED)) for method in METHODS}
    for i, one in enumerate(written[BASE]):
        line = {"question": one["question"], "reference": one["reference"]}
        yield line | {method: answers[i]["answer"] for method, answers in written.items() if answers}


def _findings(results: Results) -> Iterator[Finding]:
    for whose in WHOSE:
        found = minus(results, WORLD, arm_name(whose, FEDERATED), arm_name(MIXED, FEDERATED), "rouge_l")
        if found is not None:
            yield Finding("answers improve", whose, MIXED, found, MEASURES["rouge_l"])

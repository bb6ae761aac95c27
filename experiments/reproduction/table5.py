"""Table 5: raw against selected data, two base models."""

from __future__ import annotations

from experiments.reproduction.artefact import Artefact, gains, method_lines
from experiments.reproduction.order import order
from experiments.reproduction.plan import FEDERATED
from experiments.reproduction.results import Results
from experiments.reproduction.selections import MIXED

MODELS = {"SmolLM2-135M-Instruct": "medquad-40", "Gemma 3 270M": "gemma-medquad-40"}
CLAIM = "selected beats raw on two models"


def make(results: Results) -> Artefact:
    """One line per model and method that both models have."""
    both = ("base", "mixed", "oracle", "published", "clues")
    lines = [
        {"model": model, **line}
        for model, world in MODELS.items()
        for line in method_lines(results, world, FEDERATED)
        if line["method"] in both
    ]
    findings = [
        finding
        for model, world in MODELS.items()
        for finding in gains(results, CLAIM, world, FEDERATED, (MIXED,), model)
    ]
    findings += order(results, MODELS["Gemma 3 270M"], FEDERATED)  # the other model's is in Table 1
    shown = ("model", "method", "nll", "minus_mixed", "chosen", "rouge_l", "kept_share", "recall")
    return Artefact("table5", "Table 5: raw against selected, two base models", lines, findings, shown=shown)

"""Table 5: raw against selected data, two base models."""

from __future__ import annotations

from clues_research.reproduction.artefact import SHOWN, Artefact, gains, method_lines
from clues_research.reproduction.charts import gain_chart
from clues_research.reproduction.order import order
from clues_research.reproduction.plan import FEDERATED, FINAL
from clues_research.reproduction.results import Results
from clues_research.reproduction.selections import MIXED

MODELS = {"SmolLM2-135M-Instruct": "medquad-40", "Gemma 3 270M": "gemma-medquad-40"}
CLAIM = "selected beats raw on two models"


def make(results: Results) -> Artefact:
    """One line per model and method that both models have."""
    lines = [
        {"model": model, **line}
        for model, world in MODELS.items()
        for line in method_lines(results, world, FEDERATED, FINAL)
    ]
    findings = [
        finding
        for model, world in MODELS.items()
        for finding in gains(results, CLAIM, world, FEDERATED, (MIXED,), model)
    ]
    findings += order(results, MODELS["Gemma 3 270M"], FEDERATED)  # the other model's is in Table 1
    shown = (("model", "method", "seeds", *SHOWN, "kept_share", "recall"),)
    notes = ("Gemma 3 270M has one seed: its intervals are over documents, and it decides nothing by itself.",)
    title = "Table 5: raw against selected, two base models"
    return Artefact("table5", title, lines, findings, gain_chart(lines, "method", "model"), notes, shown)

"""What `clues evaluate --answers` says: the answers of a folder against their references."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.cli.output import table
from clues.cli.text.compared import compared_text, measured
from clues.cli.text.words import count, fixed, percent

if TYPE_CHECKING:
    from clues.config import Job


def answered(folder: Path, job: Job) -> tuple[dict[str, Any], str]:
    """ROUGE-L and chrF of every model, and each adapter against the base: for a program, and for a person."""
    from clues.evaluation.answers.answer import BASE, read_folder
    from clues.evaluation.answers.rouge_chrf import MEASURES, mean_scores, row_scores
    from clues.statistics.paired import comparison

    answers = read_folder(folder)
    documents = [answer.document for answer in answers[BASE]]
    spread = (documents, job.evaluation.bootstrap, job.seed)
    rows = {name: row_scores(found) for name, found in answers.items()}
    models = {
        name: mean_scores(scores, *spread) | {"stopped_share": sum(a.stopped for a in answers[name]) / len(documents)}
        for name, scores in rows.items()
    }
    comparisons = [
        {"measure": measure} | comparison((name, BASE), "adapter", (rows[name][measure], rows[BASE][measure]), *spread)
        for name in rows
        if name != BASE
        for measure in MEASURES
    ]
    whole = {
        "command": "evaluate",
        "answers": str(folder),
        "rows": len(documents),
        "documents": len(set(documents)),
        "models": models,
        "comparisons": comparisons,
    }
    return whole, _text(whole)


def _text(whole: dict[str, Any]) -> str:
    rows = [["model", "ROUGE-L", "95 % interval", "chrF", "95 % interval", "ended by themselves"]]
    for name, found in whole["models"].items():
        cells = [cell for measure in ("rouge_l", "chrf") for cell in measured(found, measure, _points)]
        rows.append([name, *cells, percent(found["stopped_share"])])
    said = f"answers to {count(whole['rows'], 'row')} of {count(whole['documents'], 'document')}"
    return "\n".join([said, table(rows), *compared_text(whole["comparisons"])])


def _points(value: float) -> str:
    return fixed(value, 2)

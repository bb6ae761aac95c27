"""`clues evaluate --answers`: the answers of a folder against their references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import Output, table
from clues.cli.text.compared import Compared, compared_text, measured
from clues.cli.text.words import count, fixed, percent
from clues.plugins import require

if TYPE_CHECKING:
    from clues.config import Job
    from clues.evaluation.answers.answer import Answer

Means = Mapping[str, float | None]
"""A model's measures with the ends of their intervals, and how often it ended by itself."""


def evaluate_answers(folder: Path, job: Job, output: Output) -> int:
    """ROUGE-L and chrF of every model, and each adapter against the base."""
    require("answers")
    from clues.evaluation.answers.answer import BASE, read_folder
    from clues.evaluation.answers.rouge_chrf import MEASURES, mean_scores, row_scores
    from clues.statistics.paired import comparison

    answers = read_folder(folder)
    documents = [answer.document for answer in answers[BASE]]
    spread = (documents, job.evaluation.bootstrap, job.seed)
    rows = {name: row_scores(found) for name, found in answers.items()}
    models: dict[str, Means] = {
        name: mean_scores(scores, *spread) | {"stopped_share": _stopped(answers[name])} for name, scores in rows.items()
    }
    compared = [
        Compared(measure, comparison((name, BASE), "adapter", (rows[name][measure], rows[BASE][measure]), *spread))
        for name in rows
        if name != BASE
        for measure in MEASURES
    ]
    said = f"answers to {count(len(documents), 'row')} of {count(len(set(documents)), 'document')}"
    facts = {
        "command": "evaluate",
        "answers": str(folder),
        "rows": len(documents),
        "documents": len(set(documents)),
        "models": models,
        "comparisons": [one.facts for one in compared],
    }
    return output.answer("\n".join([said, _models(models), *compared_text(compared)]), facts)


def _stopped(answers: Sequence[Answer]) -> float:
    return sum(answer.stopped for answer in answers) / len(answers)


def _models(models: Mapping[str, Means]) -> str:
    rows = [["model", "ROUGE-L", "95 % interval", "chrF", "95 % interval", "ended by themselves"]]
    for name, found in models.items():
        ends = [(found[each], found[f"{each}_low"], found[f"{each}_high"]) for each in ("rouge_l", "chrf")]
        cells = [cell for each in ends for cell in measured(*each, _points)]
        rows.append([name, *cells, percent(found["stopped_share"] or 0)])
    return table(rows)


def _points(value: float) -> str:
    return fixed(value, 2)

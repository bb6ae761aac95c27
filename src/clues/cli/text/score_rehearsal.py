"""`clues score --dry-run`: all that comes before the first pass, and nothing written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from clues.cli.output import Output
from clues.cli.text.cost import owner_cost
from clues.cli.text.first_row import first_row, first_row_text
from clues.cli.text.usable import usable, usable_text
from clues.cli.text.words import count
from clues.config import Job
from clues.data.census import Census
from clues.data.overlap import PublicSets
from clues.data.public import about_few
from clues.folders.owner import OwnerFolder
from clues.models.base import load_skeleton
from clues.owner.inputs import Inputs
from clues.owner.output import check_output
from clues.owner.scored_by import scored_by, scoring_model


def rehearse(
    files: tuple[Path, Path, Path],
    output_to: Path,
    job: Job,
    columns: tuple[dict[str, str] | None, dict[str, str] | None],
    resume: bool,
    output: Output,
) -> int:
    """Check the job, its files and its model; show counts, the first row and the cost.

    `columns`: of the owner's file, and of the public ones.
    """
    scored_by(job)
    check_output(OwnerFolder(output_to), job, resume)
    lm = scoring_model(job, load_skeleton(job.model))
    inputs = Inputs.read(*files, lm, job.seed, *columns)
    mine, cost = inputs.rows, owner_cost(inputs, lm, job)
    census = Census(PublicSets(inputs.public.rows))
    census.add(mine)
    public = [*inputs.public.remarks(), *about_few(inputs.anchors.rows)]
    found = usable(files[0], census, list(inputs.public.files), public)
    first = first_row(mine.rows[0], mine.encoded[0], lm.tokenizer)
    text = "\n".join(
        [
            usable_text(found, job.model.max_length),
            *_public_lines(inputs),
            first_row_text(first, lm.tokenizer),
            cost.text,
            f"nothing was written; without --dry-run the results go to {output_to}",
        ]
    )
    counts = {"validation": len(inputs.validation.rows), "anchors": len(inputs.anchors.rows)}
    about = {"command": "score", "dry_run": True, **asdict(found), **counts, **cost.facts, "first_row": asdict(first)}
    return output.answer(text, {**about, "job": job.to_dict()})


def _public_lines(inputs: Inputs) -> list[str]:
    parts = {"validation": inputs.validation, "anchors": inputs.anchors}
    return [
        f"{inputs.files[name]}: {count(len(part.rows), 'usable row')} as {name}, {len(part.set_aside)} set aside"
        for name, part in parts.items()
    ]

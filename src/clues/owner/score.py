"""One owner alone, no federation: which of my rows hurt, and why?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clues.config import Job
from clues.folders.owner import OwnerFolder
from clues.folders.summary import Decisions
from clues.models.base import load_base
from clues.owner.by_criteria import ByCriteria
from clues.owner.by_scorer import ByScorer
from clues.owner.inputs import Inputs
from clues.owner.output import begin, check_output, conclude
from clues.owner.scored_by import needs_adapter, scored_by, scoring_model
from clues.processes import processes
from clues.progress import Progress
from clues.training.local import check_shares


def score_file(
    data: Path,
    validation: Path,
    anchors: Path,
    output: Path,
    job: Job,
    progress: Progress,
    *,
    columns: Mapping[str, str] | None = None,
    public_columns: Mapping[str, str] | None = None,
    resume: bool = False,
) -> Decisions | None:
    """Score a file, put it to the bar, and write the rows kept and dropped, the scores and a page into `output`.

    With `scoring.channels = "forward"` a few forward passes of the base model are all. With `full` an adapter is warmed
    up on the file itself, and gradient channels are taken at the job's checkpoints. With another `scoring.scorer` than
    `clues` its scores take the place of the criteria: under the base model, or at the same checkpoints. Several
    processes (`accelerate launch`) share the rows; the decisions are the first one's, the others get None.

    Args:
        data: the owner's rows. validation, anchors: public rows of high quality.
        columns: which fields of `data` are which part of a row, where they have unusual names
            (`clues.data.files.columns`); public_columns: the same for both public files.
        resume: go on in a folder that a run with the same settings began.

    Raises InUseError, SettingError, and what reading and the model raise.
    """
    folder, main, (scorer, criteria) = OwnerFolder(output), processes().is_main_process, scored_by(job)
    if main:
        check_output(folder, job, resume)
    lm = scoring_model(job, load_base(job.model))
    inputs = Inputs.read(data, validation, anchors, lm, job.seed, columns, public_columns)
    where = (inputs, lm, folder, job, progress)
    scoring = ByCriteria(criteria, *where) if scorer is None else ByScorer(scorer, *where)
    if needs_adapter(job):
        check_shares(job.training)
    scoring.check()
    if main:
        begin(folder, job, inputs.pinned())
    scoring.score()
    if not main:
        return None
    bar = scoring.bar()
    folder.power.write(scoring.power(bar))
    return conclude(folder, job, data, scoring.parts["rows"], bar, columns, inputs.overlap().counts, inputs.remarks())

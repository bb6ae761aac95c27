"""One owner alone, no federation: which of my rows hurt, and why?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clues.baselines.scorers import scorer_of
from clues.config import CLUES, Job
from clues.config.reading import load_job
from clues.data.encoding import Encoded
from clues.disk.writing import copy_file, remove_unfinished, write_json, write_toml
from clues.errors import InUseError, SettingError
from clues.models.adapters import add_adapter
from clues.models.base import LanguageModel, load_base
from clues.owner.by_criteria import ByCriteria, own_domains
from clues.owner.by_scorer import ByScorer, with_score
from clues.owner.decide import Verdict, judge
from clues.owner.inputs import Inputs
from clues.owner.scores import ScoredRows
from clues.processes import processes
from clues.progress import Progress
from clues.report.owner import write_owner_report
from clues.scoring.channel_folder import ChannelFolder
from clues.scoring.criteria import Criterion, criteria_named
from clues.scoring.scorer import Scorer
from clues.scoring.store import pin_rows
from clues.selection.bar import Bar
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
    resume: bool = False,
) -> Verdict | None:
    """Score a file, put it to the bar, and write the rows kept and dropped, the scores and a page into `output`.

    With `scoring.channels = "forward"` a few forward passes of the base model are all. With `full` an adapter is warmed
    up on the file itself, and gradient channels are taken at the job's checkpoints. With another `scoring.scorer` than
    `clues` its scores take the place of the criteria: under the base model, or at the same checkpoints. Several
    processes (`accelerate launch`) share the rows; the verdict is the first one's, the others get None.

    Args:
        data: the owner's rows. validation, anchors: public rows of high quality.
        columns: which columns of `data` are prompt and response, where they have unusual names.
        resume: go on in a folder that a run with the same settings began.

    Raises InUseError, SettingError, and what reading and the model raise.
    """
    main, (scorer, criteria) = processes().is_main_process, scored_by(job)
    if main:
        check_output(output, job, resume)
    lm = scoring_model(job, load_base(job.model))
    inputs = Inputs.read(data, validation, anchors, lm, job.seed, columns)
    where = (inputs, lm, output, job, progress)
    scoring = ByCriteria(criteria, *where) if scorer is None else ByScorer(scorer, *where)
    if needs_adapter(job):
        check_shares(job.training)
    scoring.check()
    if main:
        begin(output, job, inputs.pins)
    scoring.score()
    if not main:
        return None
    bar = scoring.bar()
    write_json(scoring.power(bar), output / "power.json")
    return conclude(output, job, data, scoring.parts["rows"], bar, columns, inputs.overlap().counts)


def scored_by(job: Job) -> tuple[Scorer | None, tuple[Criterion, ...]]:
    """The scorer or the criteria that a job names. Raises SettingError, see `scorer_of` and `criteria_named`."""
    if scorer := scorer_of(job):
        return scorer, ()
    return None, criteria_named(job.scoring.criteria, job.scoring.channels)


def begin(output: Path, job: Job, pins: Mapping[str, tuple[Path, Sequence[Encoded]]]) -> None:
    """Take the folder: only when everything could be read, so that a wrong name does not block it."""
    output.mkdir(parents=True, exist_ok=True)
    remove_unfinished(output)
    pin_rows(output / "inputs.json", pins)
    write_toml(job.to_dict(), output / "job.toml")


def conclude(
    output: Path,
    job: Job,
    source: Path,
    rows: ChannelFolder,
    bar: Bar,
    columns: Mapping[str, str] | None,
    overlap: Mapping[str, Any],
) -> Verdict:
    """Judge an owner's scored rows, and write all that `clues score` leaves in `output`."""
    about = {"name": source.name, "job": job.hash, "model": job.model.name, "overlap": overlap}
    prepared, channels = rows.prepared, rows.channels(own_domains(job))
    if job.scoring.scorer == CLUES:
        copy_file(rows.explanations, output / "explanations.parquet")
    else:
        prepared, channels = with_score(prepared, channels, job.scoring.scorer)
    verdict = judge(output, ScoredRows.of(source, prepared, channels, columns), bar, job.selection, about)
    write_owner_report(output)
    return verdict


def scoring_model(job: Job, base: LanguageModel) -> LanguageModel:
    """The base model as scoring needs it: gradients are those of an adapter's weights, likelihoods need none."""
    return add_adapter(base, job.adapter, job.seed) if needs_adapter(job) else base


def needs_adapter(job: Job) -> bool:
    """Whether an adapter is warmed up on the rows: for gradient channels, and scorers at checkpoints."""
    scorer = scorer_of(job)
    return job.scoring.channels == "full" if scorer is None else scorer.at == "checkpoints"


def check_output(output: Path, job: Job, resume: bool) -> None:
    """Raises InUseError for a folder with scores, unless they are resumed; SettingError if by another job."""
    resolved = output / "job.toml"
    if resolved.exists() and not resume:
        raise InUseError(f"{output} holds scores already: go on with --resume, or name another --output")
    if resolved.exists() and load_job(resolved).hash != job.hash:
        raise SettingError(f"{resolved}: the settings differ from those it was begun with; resume with the same")

"""New rows next month: scored as an earlier run scored its own, under its checkpoints and held against its bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clues.config import CLUES, Job
from clues.data.prepare import prepare
from clues.errors import InUseError, ScoresError
from clues.folders.owner import OwnerFolder
from clues.folders.summary import Decisions
from clues.models.base import load_base
from clues.models.limits import check_fits
from clues.owner.inputs import Pinned
from clues.owner.output import begin, check_output, conclude
from clues.owner.scored_by import scoring_model
from clues.processes import processes
from clues.progress import Progress
from clues.scoring.channel_folder import ChannelFolder
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.contrasts import base_passes
from clues.scoring.public_answers import PublicAnswers
from clues.selection.bar import Bar


@dataclass(frozen=True)
class Earlier:
    """What an earlier run left for rows to come: the folder of `clues score`, or a client's folder of a run."""

    folder: OwnerFolder
    job: Job
    bar: Bar
    checkpoints: dict[int, Path]
    """Round -> file; empty where forward channels alone were scored."""
    public: PublicAnswers
    """Of the public validation rows."""

    @staticmethod
    def open(folder: OwnerFolder, selection: Mapping[str, Any] | None = None) -> Earlier:
        """Read a folder; `selection` replaces settings of the bar as it stands there.

        Raises ScoresError for a folder without a bar, or without the checkpoints or the public questions its scores
        are from, or with those of another scorer than `clues`.
        """
        if not (folder.job.path.exists() and folder.anchors.path.exists()):
            raise ScoresError(
                f"{folder.path}: no scores with a bar here; give the output of clues score or a client's folder"
            )
        job, stored = folder.job.read(), folder.anchors.read()
        if (scorer := job.scoring.scorer) != CLUES:
            raise ScoresError(
                f"{folder.path} was scored by {scorer}, which leaves nothing for rows to come: score them with "
                f"--validation, --anchors and --scorer {scorer}"
            )
        job = replace(job, selection=replace(stored.settings, **(selection or {})))
        rounds = job.scoring.checkpoints if job.scoring.channels == "full" else ()
        files = {number: folder.checkpoint(number) for number in rounds}
        for file in files.values():
            if not file.exists():
                raise ScoresError(f"{file} is missing; give the folder that was scored with its public files")
        if not folder.questions.path.exists():
            raise ScoresError(
                f"{folder.questions.path} is missing: an earlier version of clues scored this folder, without the "
                "public questions that rows are read under. Score it again with --validation and --anchors (in a "
                "federation: by another run), then the rows to come"
            )
        return Earlier(folder, job, stored.to_bar(), files, folder.questions.read())


def score_new_rows(
    data: Path,
    like: Path,
    output: Path,
    progress: Progress,
    *,
    selection: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
    resume: bool = False,
) -> Decisions | None:
    """Score only these rows, without any public file and without training: a pass per checkpoint, and a few
    of the base.

    The files in `output` are those of `clues score`. The rows were not trained on, as the anchors were not, so their
    p-values are as exact as the anchors are like them. Overlap with the public rows is not looked for: their texts are
    not kept.

    Args:
        like: folder of the earlier run, see `Earlier`.
        selection: settings of the bar to replace, by the names of `SelectionSettings`.
        columns, resume: as in `score_file`; of several processes, the first gets the decisions and the others None.

    Raises ScoresError, InUseError, SettingError, and what reading and the model raise.
    """
    if output.resolve() == like.resolve():
        raise InUseError(f"{output} is the folder of the earlier run: name another --output than --like")
    folder, main = OwnerFolder(output), processes().is_main_process
    earlier = Earlier.open(OwnerFolder(like), selection)
    job = earlier.job
    if main:
        check_output(folder, job, resume)
    lm = scoring_model(job, load_base(job.model))
    prepared = prepare(data, lm.tokenizer, job.model.max_length, columns)
    check_fits(lm, prepared.largest_id, prepared.longest)
    if main:
        begin(folder, job, {"rows": Pinned(data, prepared.encoded)})
    part = ChannelFolder(lm, prepared, folder.channels / "rows", earlier.public)
    with progress.phase("score-base", base_passes(earlier.public.questions) * len(prepared.rows)) as advance:
        part.score_base(advance)
    for number, file in earlier.checkpoints.items():
        with progress.phase(f"score-{number}", len(prepared.rows)) as advance:
            part.score_under(number, Checkpoint.load(file), advance)
    if not main:
        return None
    if power := earlier.folder.power.read_if_there():
        folder.power.write(power)
    return conclude(folder, job, data, part, earlier.bar, columns, overlap={}, remarks=prepared.remarks())

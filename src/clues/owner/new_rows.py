"""New rows next month: scored as an earlier run scored its own, under its checkpoints and held against its bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from clues.config import CLUES, Job, SelectionSettings
from clues.config.reading import load_job
from clues.data.prepare import prepare
from clues.disk.reading import read_json
from clues.disk.writing import copy_file
from clues.errors import InUseError, ScoresError
from clues.models.base import load_base
from clues.owner.decide import Verdict, read_bar
from clues.owner.score import begin, check_output, conclude, scoring_model
from clues.processes import processes
from clues.progress import Progress
from clues.scoring.channel_folder import QUESTIONS, ChannelFolder, read_questions
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.contrasts import base_passes


@dataclass(frozen=True)
class Earlier:
    """What an earlier run left for rows to come: the folder of `clues score`, or a client's folder of a run."""

    folder: Path
    job: Job
    checkpoints: dict[int, Path]
    """Round -> file; empty where forward channels alone were scored."""
    questions: list[str]
    """Of the public validation rows."""

    @staticmethod
    def open(folder: Path, selection: Mapping[str, Any] | None = None) -> Earlier:
        """Read a folder; `selection` replaces settings of the bar as it stands there.

        Raises ScoresError for a folder without a verdict, or without the checkpoints or the public questions its scores
        are from, or with those of another scorer than `clues`.
        """
        if not ((folder / "job.toml").exists() and (folder / "anchors.json").exists()):
            raise ScoresError(
                f"{folder}: no scores with a bar here; give the output of clues score or a client's folder"
            )
        job = load_job(folder / "job.toml")
        if (scorer := job.scoring.scorer) != CLUES:
            raise ScoresError(
                f"{folder} was scored by {scorer}, which leaves nothing for rows to come: score them with "
                f"--validation, --anchors and --scorer {scorer}"
            )
        bar = read_json(folder / "anchors.json")
        settings = SelectionSettings(**{f.name: bar[f.name] for f in fields(SelectionSettings)})
        job = replace(job, selection=replace(settings, **(selection or {})))
        rounds = job.scoring.checkpoints if job.scoring.channels == "full" else ()
        files = {number: folder / "checkpoints" / f"{number}.safetensors" for number in rounds}
        for file in files.values():
            if not file.exists():
                raise ScoresError(f"{file} is missing; give the folder that was scored with its public files")
        if not (folder / QUESTIONS).exists():
            raise ScoresError(
                f"{folder / QUESTIONS} is missing: an earlier version of clues scored this folder, without the public "
                "questions that rows are read under. Score it again with --validation and --anchors (in a federation: "
                "by another run), then the rows to come"
            )
        return Earlier(folder, job, files, read_questions(folder))


def score_new_rows(
    data: Path,
    like: Path,
    output: Path,
    progress: Progress,
    *,
    selection: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
    resume: bool = False,
) -> Verdict | None:
    """Score only these rows, without any public file and without training: a pass per checkpoint, and a few
    of the base.

    The files in `output` are those of `clues score`. The rows were not trained on, as the anchors were not, so their
    p-values are as exact as the anchors are like them. Overlap with the public rows is not looked for: their texts are
    not kept.

    Args:
        like: folder of the earlier run, see `Earlier`.
        selection: settings of the bar to replace, by the names of `SelectionSettings`.
        columns, resume: as in `score_file`; of several processes, the first gets the verdict and the others None.

    Raises ScoresError, InUseError, SettingError, and what reading and the model raise.
    """
    if output.resolve() == like.resolve():
        raise InUseError(f"{output} is the folder of the earlier run: name another --output than --like")
    earlier, main = Earlier.open(like, selection), processes().is_main_process
    job = earlier.job
    if main:
        check_output(output, job, resume)
    lm = scoring_model(job, load_base(job.model))
    prepared = prepare(data, lm.tokenizer, job.model.max_length, columns)
    if main:
        begin(output, job, {"rows": (data, prepared.encoded)})
    part = ChannelFolder(lm, prepared, output / "channels" / "rows", earlier.questions)
    with progress.phase("score-base", base_passes(earlier.questions) * len(prepared.rows)) as advance:
        part.score_base(advance)
    for number, file in earlier.checkpoints.items():
        with progress.phase(f"score-{number}", len(prepared.rows)) as advance:
            part.score_under(number, Checkpoint.load(file), advance)
    if not main:
        return None
    if (power := like / "power.json").exists():
        copy_file(power, output / "power.json")
    return conclude(output, job, data, part, read_bar(like / "anchors.json"), columns, overlap={})

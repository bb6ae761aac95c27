"""The folder that one owner's scoring writes: taken when all could be read, and completed when all is scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clues.config import CLUES, Job
from clues.data.remarks import Remark
from clues.disk.writing import copy_file, remove_unfinished
from clues.errors import InUseError, SettingError
from clues.folders.owner import OwnerFolder
from clues.folders.summary import Decisions, Origin
from clues.owner.by_scorer import with_score
from clues.owner.decide import decide
from clues.owner.inputs import Pinned, pin
from clues.owner.scored_by import own_domains
from clues.owner.scored_rows import ScoredRows
from clues.report.owner import write_owner_report
from clues.scoring.channel_folder import ChannelFolder
from clues.selection.bar import Bar


def check_output(folder: OwnerFolder, job: Job, resume: bool) -> None:
    """Raises InUseError for a folder with scores, unless they are resumed; SettingError if by another job."""
    begun = folder.job.path.exists()
    if begun and not resume:
        raise InUseError(f"{folder.path} holds scores already: go on with --resume, or name another --output")
    if begun and folder.job.read().hash != job.hash:
        raise SettingError(f"{folder.job.path}: the settings differ from those it was begun with; resume with the same")


def begin(folder: OwnerFolder, job: Job, pinned: Mapping[str, Pinned]) -> None:
    """Take the folder: only when everything could be read, so that a wrong name does not block it."""
    remove_unfinished(folder.path)
    pin(folder, pinned)
    folder.job.write(job)


def conclude(
    folder: OwnerFolder,
    job: Job,
    source: Path,
    rows: ChannelFolder,
    bar: Bar,
    columns: Mapping[str, str] | None,
    overlap: Mapping[str, Mapping[str, int]],
    remarks: tuple[Remark, ...],
) -> Decisions:
    """Decide on an owner's scored rows, and write all that `clues score` leaves in the folder."""
    prepared, channels = rows.prepared, rows.channels(own_domains(job))
    if job.scoring.scorer == CLUES:
        copy_file(rows.explanations, folder.explanations.path)
    else:
        prepared, channels = with_score(prepared, channels, job.scoring.scorer)
    origin = Origin(source.name, job.hash, job.model.name, overlap, remarks)
    scored = ScoredRows.of(source, prepared, channels, columns)
    decisions = decide(folder, scored, bar, job.selection, origin)
    write_owner_report(folder.path)
    return decisions

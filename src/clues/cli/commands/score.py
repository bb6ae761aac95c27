"""`clues score`: which of my rows hurt, and why? One owner alone, no federation."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from clues.cli.errors import DONE
from clues.cli.options import (
    DryRun,
    Model,
    Offline,
    Resume,
    Scorer,
    Settings,
    check_share,
    owner_job,
)
from clues.cli.output import NORMAL, Output
from clues.cli.quiet import stay_offline
from clues.cli.reading import AS_FOUND, PublicColumns, Reading, parse_columns
from clues.cli.text.kept import Kept, kept_text
from clues.cli.text.words import percent
from clues.config.names import Rule
from clues.errors import UsageError

EXAMPLES = """
**Examples**

    clues score mine.jsonl --validation v.jsonl --anchors a.jsonl --output out --channels forward
    clues score mine.jsonl --validation v.jsonl --anchors a.jsonl --output out --dry-run
    clues score mine.csv --columns prompt=ticket,response=reply --validation v.jsonl --anchors a.jsonl --output out
    clues score mine.jsonl --validation v.jsonl --anchors a.jsonl --output out --rule fdr --q 0.05 --fail-over 0.2
    clues score mine.jsonl --validation v.jsonl --anchors a.jsonl --output out --scorer less
    clues score next-month.jsonl --like out --output out-2
"""


def score(
    file: Path,
    /,
    *,
    output_to: Annotated[Path, Parameter(name="--output")],
    validation: Path | None = None,
    anchors: Path | None = None,
    like: Path | None = None,
    channels: Literal["full", "forward"] | None = None,
    scorer: Scorer = None,
    model: Model = None,
    rule: Rule | None = None,
    alpha: float | None = None,
    q: float | None = None,
    reading: Reading = AS_FOUND,
    public_columns: PublicColumns = None,
    settings: Settings = (),
    resume: Resume = False,
    dry_run: DryRun = False,
    fail_over: float | None = None,
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Score every row of a file against public rows of high quality, and say which to keep and why.

    Writes the kept rows (in the file's own format), the dropped ones with their reasons, all scores and a page.

    Parameters
    ----------
    file
        Your rows: JSON lines, JSON, CSV, Parquet, a saved or named Hugging Face data set.
    output_to
        A new folder for everything that is found; it stays with you.
    validation
        Public rows of high quality: what the model should get better at.
    anchors
        Other public rows of high quality, 30 or more: they set the bar.
    like
        The output of an earlier score, or a client's folder of a run, instead of public rows: new rows are scored
        under its model and checkpoints and held against its bar, without any training.
    channels
        forward: a few passes of the base model, minutes. full (the default): also trains an adapter on the rows.
    rule
        How rows are put to the bar; conformal is the default.
    alpha
        conformal: a good row is dropped with at most this probability.
    q
        fdr: at most this share of the dropped rows is good, in expectation.
    fail_over
        Exit with 1 if a larger share of the records than this, in 0 to 1, is set aside or dropped.
    """
    check_share("--fail-over", fail_over)
    if offline:
        stay_offline()
    bar = {name: value for name, value in (("rule", rule), ("alpha", alpha), ("q", q)) if value is not None}
    names, public = reading.named(), parse_columns(public_columns, "--public-columns")
    if like is not None:
        if validation or anchors or channels or scorer or model or settings or dry_run or public:
            raise UsageError("--like takes the model, the settings and the bar from that folder: leave the others out")
        from clues.owner.new_rows import score_new_rows

        work = partial(score_new_rows, file, like, output_to, selection=bar)
    elif validation is None or anchors is None:
        raise UsageError("--validation and --anchors are needed, or --like with the folder of an earlier score")
    else:
        job = owner_job(
            settings,
            {"scoring.channels": channels, "scoring.scorer": scorer, "model.name": model}
            | {f"selection.{k}": v for k, v in bar.items()},
        )
        if dry_run:
            from clues.cli.text.score_rehearsal import rehearse

            return rehearse((file, validation, anchors), output_to, job, (names, public), resume, output)
        from clues.owner.score import score_file

        work = partial(score_file, file, validation, anchors, output_to, job, public_columns=public)
    from clues.folders.owner import OwnerFolder

    with output.progress(OwnerFolder(output_to).events) as progress:
        decisions = work(progress=progress, columns=names, resume=resume)
    if decisions is None:
        return DONE  # one of several processes; the first one answers
    found = Kept.read(output_to)
    share = (decisions.dropped + decisions.set_aside) / max(1, decisions.rows + decisions.set_aside)
    lost = f"{percent(share, 1)} of the records are set aside or dropped"
    failed = lost if fail_over is not None and share > fail_over else ""
    facts = {"command": "score", **found.facts}
    return output.answer(kept_text(output_to, found), facts, Path(found.kept_file), failed)

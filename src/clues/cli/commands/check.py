"""`clues check`: is this file usable?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from clues.cli.options import Columns, Model, Offline, Settings, check_share, owner_job, parse_columns
from clues.cli.output import NORMAL, Output
from clues.cli.quiet import stay_offline
from clues.cli.text.first_row import first_row, first_row_text
from clues.cli.text.usable import usable, usable_text
from clues.cli.text.words import percent

EXAMPLES = """
**Examples**

    clues check mine.jsonl
    clues check mine.csv --columns prompt=ticket,response=reply --anchors anchors.jsonl
    clues check mine.jsonl --fail-over 0.05
"""


def check(
    file: Path,
    /,
    *,
    validation: Path | None = None,
    anchors: Path | None = None,
    model: Model = None,
    columns: Columns = None,
    settings: Settings = (),
    fail_over: float | None = None,
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Look at a file before it is scored: unusable records and why, duplicates, overlap, truncated rows.

    Shows the first row as the model sees it, with its response marked. Writes nothing; loads no weights.

    Parameters
    ----------
    file
        JSON lines, JSON, CSV, Parquet (each also .gz where it is text), a saved or named Hugging Face data set.
    validation
        A public set: do rows of the file stand in it?
    anchors
        A public set: do rows of the file stand in it?
    fail_over
        Exit with 1 if a larger share of the records than this, in 0 to 1, is set aside.
    """
    check_share("--fail-over", fail_over)
    if offline:
        stay_offline()
    from clues.data.files.reading import read_rows
    from clues.data.overlap import overlap
    from clues.data.prepare import prepare
    from clues.models.base import load_skeleton

    job = owner_job(settings, {"model.name": model})
    public = {name: read_rows(f)[0] for name, f in (("validation", validation), ("anchors", anchors)) if f}
    lm = load_skeleton(job.model)
    prepared = prepare(file, lm.tokenizer, job.model.max_length, parse_columns(columns))
    found = usable(file, prepared, overlap(prepared.rows, public))
    first = first_row(prepared.rows[0], prepared.encoded[0], lm.tokenizer)
    share = len(prepared.set_aside) / (len(prepared.set_aside) + len(prepared.rows))
    failed = f"{percent(share, 1)} of the records are set aside" if fail_over is not None and share > fail_over else ""
    text = f"{usable_text(found, job.model.max_length)}\n{first_row_text(first)}"
    return output.answer(text, {"command": "check", **asdict(found), "first_row": asdict(first)}, failed=failed)

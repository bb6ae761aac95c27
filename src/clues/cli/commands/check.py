"""`clues check`: is this file usable?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from clues.cli.options import Model, Offline, Settings, check_share, owner_job
from clues.cli.output import NORMAL, Output
from clues.cli.quiet import stay_offline
from clues.cli.reading import AS_FOUND, PublicColumns, Reading, parse_columns
from clues.cli.text.first_row import first_row, first_row_text
from clues.cli.text.usable import usable, usable_text
from clues.cli.text.words import percent

EXAMPLES = """
**Examples**

    clues check mine.jsonl
    clues check mine.csv --columns prompt=ticket,response=reply --anchors anchors.jsonl
    clues check mine.jsonl --prompt "{context}\\n\\n{question}" --columns response=answer
    clues check mine.jsonl --fail-over 0.05
"""

LONG_FILE = 10_000
"""Records from which on progress is shown."""
QUIET = Output(quiet=True)


def check(
    file: Path,
    /,
    *,
    validation: Path | None = None,
    anchors: Path | None = None,
    model: Model = None,
    reading: Reading = AS_FOUND,
    public_columns: PublicColumns = None,
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
        JSON lines, JSON, CSV, TSV (each also .gz or .zst), Parquet, Arrow, Feather, Excel, a folder of such files, a
        saved or named Hugging Face data set.
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
    from clues.data.census import take_census
    from clues.data.files.reading import open_data_set
    from clues.data.overlap import PublicSets
    from clues.data.public import PublicFiles, about_few
    from clues.models.base import load_skeleton
    from clues.models.limits import check_fits

    job = owner_job(settings, {"model.name": model})
    columns, named = reading.named(), parse_columns(public_columns, "--public-columns")
    lm, length = load_skeleton(job.model), job.model.max_length
    files = {name: f for name, f in (("validation", validation), ("anchors", anchors)) if f}
    public = PublicFiles.read(files, lm.tokenizer, length, named)
    few = about_few(public.rows["anchors"]) if anchors else []
    size = open_data_set(file).size()
    with (output if size >= LONG_FILE else QUIET).progress() as progress, progress.phase("read", size) as advance:
        census = take_census(file, lm.tokenizer, length, columns, PublicSets(public.rows), advance)
    for part in (census, *public.parts.values()):
        check_fits(lm, part.largest_id, part.longest)
    found = usable(file, census, list(files), [*public.remarks(), *few])
    assert census.first is not None  # a file without a row is an error
    first, share = first_row(*census.first, lm.tokenizer), census.share_set_aside
    failed = f"{percent(share, 1)} of the records are set aside" if fail_over is not None and share > fail_over else ""
    text = f"{usable_text(found, length)}\n{first_row_text(first)}"
    return output.answer(text, {"command": "check", **asdict(found), "first_row": asdict(first)}, failed=failed)

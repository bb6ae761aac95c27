"""`clues select`: rows that were scored before, put to another bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.options import owner_job
from clues.cli.output import NORMAL, Output
from clues.cli.text.kept import Kept, kept_text
from clues.config.names import Rule
from clues.disk.reading import read_json

if TYPE_CHECKING:
    from clues.config import Job

EXAMPLES = """
**Examples**

    clues select out --alpha 0.05
    clues select out --rule fdr --q 0.1
    clues select out --rule ratio --ratio 0.8
    clues select out          (after a change of out/decisions.jsonl)
"""


def select(
    folder: Path,
    /,
    *,
    rule: Rule | None = None,
    alpha: float | None = None,
    q: float | None = None,
    ratio: float | None = None,
    score: float | None = None,
    output: Output = NORMAL,
) -> int:
    """Put rows that were scored before to another bar, or apply changed decisions; seconds, no model.

    What is not given stays as it was. Lines of `decisions.jsonl` in the folder, such as
    `{"id": "12-0f3a…", "decision": "keep", "why": "checked"}`, override the rule.

    Parameters
    ----------
    folder
        The output folder of `clues score`, or a client's folder of a run.
    rule
        conformal, fdr, anchor-mean (the published rule), ratio or score.
    alpha
        conformal: a good row is dropped with at most this probability.
    q
        fdr: at most this share of the dropped rows is good, in expectation.
    ratio
        ratio: the share of the rows to keep.
    score
        score: the least statistic that a kept row has.
    """
    job = _job(folder, {"rule": rule, "alpha": alpha, "q": q, "ratio": ratio, "score": score})
    from clues.owner.decide import decide_again
    from clues.report.owner import write_owner_report

    decide_again(folder, job.selection)
    write_owner_report(folder)
    found = Kept.read(folder)
    return output.answer(kept_text(folder, found), {"command": "select", **found.facts}, Path(found.kept_file))


def _job(folder: Path, given: Mapping[str, str | float | None]) -> Job:
    """The selection that the folder holds, with what is given in its place."""
    from clues.config import SelectionSettings
    from clues.folders.owner import OwnerFolder

    about = read_json(OwnerFolder(folder).client.path)
    before = {field.name: about[field.name] for field in fields(SelectionSettings) if field.name in about}
    chosen = before | {name: value for name, value in given.items() if value is not None}
    return owner_job((), {f"selection.{name}": value for name, value in chosen.items()})

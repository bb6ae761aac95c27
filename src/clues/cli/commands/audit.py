"""`clues audit`: a person confirms a sample of the dropped rows, and what that says about all of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import NORMAL, Output
from clues.cli.text.words import count, percent
from clues.errors import UsageError

if TYPE_CHECKING:
    from clues.report.audit import Audit, AuditFacts

EXAMPLES = """
**Examples**

    clues audit out                       (draws 30 of the dropped rows into out/audit.jsonl)
    clues audit out                       (again, once they are read: what they say about all)
    clues audit out --rows 100 --seed 1
    clues audit out --json
"""


def audit(folder: Path, /, *, rows: int | None = None, seed: int | None = None, output: Output = NORMAL) -> int:
    """How many of the dropped rows are good after all? A person reads a random sample, and a bound on all follows.

    The first call writes `audit.jsonl` into the folder. Read each row in it and write `"bad"` (rightly dropped) or
    `"good"` into its `"verdict"`. The next call says with 95 % confidence what share of all dropped rows is good at
    most, and puts rows found good into `decisions.jsonl` as keep, which `clues select` applies. A file with verdicts
    is never overwritten. Read every row: one without a verdict counts as good in the bound.

    Parameters
    ----------
    folder
        The output folder of `clues score`, or a client's folder of a run.
    rows
        How many of the rows that the bar dropped to draw; 30 if not given. More rows buy a lower bound.
    seed
        Which rows are drawn; 0 if not given.
    """
    if rows is not None and rows < 1:
        raise UsageError(f"--rows {rows}: draw at least one row")
    from clues.folders.owner import OwnerFolder
    from clues.report.audit import read_audit, start_audit

    own, kept = OwnerFolder(folder), []
    file = own.audit.path
    if any(line.verdict for line in own.audit.read()):
        scores = own.scores.read()
        found = read_audit(own, scores)
        _check_given(file, found, rows, seed)
        kept = own.decisions.keep_audited(found.verdicts)
        applied = set(scores["id"][scores["decision"] == "keep"]) & set(found.verdicts)
        text = _read(folder, found.facts, len(kept), waiting=applied != set(kept))
    else:
        found = start_audit(own, rows, seed)
        text = _drawn(folder, found.facts)
    path = file if found.verdicts else None
    return output.answer(text, {"command": "audit", **asdict(found.facts), "decided": len(kept)}, path)


def _check_given(file: Path, found: Audit, rows: int | None, seed: int | None) -> None:
    """Raises UsageError where another sample is asked for than the one that is being read."""
    if rows not in (None, len(found.verdicts)) or seed not in (None, found.seed):
        raise UsageError(
            f"{file} holds verdicts on {count(len(found.verdicts), 'row')} of seed {found.seed}: leave --rows and "
            "--seed out to see what they say, or move the file away to draw another sample"
        )


def _drawn(folder: Path, facts: AuditFacts) -> str:
    if not facts.dropped:
        return f"the bar dropped no row of {folder}: there is nothing to read"
    sampled, dropped = facts.sampled, facts.dropped
    what = f"{count(sampled, 'row')} of the {dropped:,} that the bar dropped, drawn at random"
    lines = [
        what if sampled < dropped else f"all {count(dropped, 'row')} that the bar dropped",
        'write "bad" (rightly dropped) or "good" into the "verdict" of each line, then give this command again',
        f"what it buys: {count(sampled, 'row')}, none good: at most {percent(facts.if_none_good or 0, 1)} of the "
        "dropped rows are good, with 95 % confidence",
        f"audit   {folder / 'audit.jsonl'}",
    ]
    return "\n".join(lines)


def _read(folder: Path, facts: AuditFacts, kept: int, waiting: bool) -> str:
    """The bound, and what to do with it; waiting: whether decisions.jsonl says more than has been applied."""
    open_rows = f", {facts.unanswered} not read (counted as good below)" if facts.unanswered else ""
    lines = [
        f"of {count(facts.sampled, 'row')} drawn, {facts.good} good and {facts.bad} bad{open_rows}",
        f"with 95 % confidence at most {percent(facts.most_good_share or 0, 1)} of the "
        f"{count(facts.dropped, 'row')} that the bar dropped are good "
        f"(two-sided: {percent(facts.low or 0, 1)} to {percent(facts.high or 0, 1)})",
    ]
    if kept:
        lines.append(f"{count(kept, 'row')} found good: keep, in {folder / 'decisions.jsonl'}")
    if waiting:
        lines.append(f"to apply what changed there: clues select {folder}")
    left = facts.left
    if facts.good and left.dropped:
        rest = f"the {count(left.dropped, 'row')} that stay dropped then"
        lines.append(f"of {rest} at most {percent(left.most_good_share or 0, 1)} are good")
    return "\n".join(lines)

"""A random sample of the dropped rows for a person to read, and what the verdicts say about all of them.

The file `audit.jsonl` lies in an owner's folder and stays there: it holds the owner's texts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clues.data.files.records import read_record
from clues.errors import AuditError
from clues.folders.audit import AuditLine
from clues.folders.decisions import DroppedRow
from clues.folders.owner import OwnerFolder
from clues.folders.scores import Scores
from clues.selection.bounds import most_good
from clues.statistics.bootstrap import CONFIDENCE
from clues.statistics.sampling import draw, interval, most

ROWS = 30
"""Rows of a sample where nothing is said: if none is good, at most 9.5 % of the dropped rows are."""


@dataclass(frozen=True)
class Audit:
    """The verdicts on a sample of the rows that the bar dropped; an owner's own decisions are not among them."""

    total: int
    """Rows that the bar dropped."""
    seed: int
    verdicts: Mapping[str, str]
    """Row id -> `bad`, `good`, or empty while nobody has read it."""

    def number(self, verdict: str) -> int:
        return list(self.verdicts.values()).count(verdict)

    @property
    def facts(self) -> AuditFacts:
        """Counts and bounds. A row without a verdict counts as good for the upper ends and as bad for the lower one, so
        that what is left out cannot make a bound too low."""
        sampled, good, left_open = len(self.verdicts), self.number("good"), self.number("")
        upper = most(good + left_open, sampled, self.total)
        low, high = interval(good, good + left_open, sampled, self.total)
        return AuditFacts(
            dropped=self.total,
            sampled=sampled,
            seed=self.seed,
            good=good,
            bad=self.number("bad"),
            unanswered=left_open,
            confidence=CONFIDENCE,
            most_good=upper,
            most_good_share=_share(upper, self.total),
            low=_share(low, self.total),
            high=_share(high, self.total),
            left=Left(self.total - good, upper - good, _share(upper - good, self.total - good)),
            if_none_good=none_good(sampled, self.total),
        )


@dataclass(frozen=True)
class Left:
    """The rows that stay dropped once those found good are kept."""

    dropped: int
    most_good: int
    most_good_share: float | None


@dataclass(frozen=True)
class AuditFacts:
    """With 95 % confidence, how many of all rows that the bar dropped are good. Shares of no rows are None."""

    dropped: int
    sampled: int
    seed: int
    good: int
    bad: int
    unanswered: int
    confidence: float
    most_good: int
    """One-sided, as its share."""
    most_good_share: float | None
    low: float | None
    high: float | None
    """Two-sided."""
    left: Left
    if_none_good: float | None
    """`most_good_share` if no row of the sample were good."""


@dataclass(frozen=True)
class AuditView:
    """What the owner's page says of an audit."""

    total: int
    """Rows that the bar dropped."""
    rows: int
    """That a first sample would draw."""
    if_none_good: float | None
    """The share that may be good if none of these is."""
    unseen: float | None
    """The share that may be good before anybody looks."""
    found: AuditFacts | None = None
    unfit: bool = False
    """There are verdicts, but not on the rows that are dropped now."""


def none_good(rows: int, total: int) -> float | None:
    """The share of `total` dropped rows that may still be good, with 95 % confidence, if none of `rows` is."""
    return most(0, min(rows, total), total) / total if total else None


def bar_dropped(scores: Scores, sample: Collection[str] = ()) -> list[str]:
    """Ids of the rows that the bar dropped; those of the sample stay among them once their owner decides on them."""
    ids, decided = scores["id"], scores["decision"] != ""
    return ids[np.where(decided, np.isin(ids, list(sample)), ~scores.keep)].tolist()


def start_audit(folder: OwnerFolder, rows: int | None = None, seed: int | None = None) -> Audit:
    """Draw a sample and write it to be read, over one that nobody has read yet, whose size and seed are kept.

    Nothing is written where the bar dropped nothing. Raises AuditError for a file with verdicts, and FolderError
    without scores.
    """
    lines = folder.audit.read()
    if any(line.verdict for line in lines):
        raise AuditError(f"{folder.audit.path} holds verdicts already; move it away to draw another sample")
    size = rows or len(lines) or ROWS
    drawn = seed if seed is not None else lines[0].seed if lines else 0
    population = bar_dropped(folder.scores.read())
    sample = draw(population, size, drawn)
    if sample:
        _write_sample(folder, sample, drawn)
    return Audit(len(population), drawn, dict.fromkeys(sample, ""))


def _write_sample(folder: OwnerFolder, sample: Sequence[str], seed: int) -> None:
    """The rows of these ids, without verdicts. Raises AuditError where dropped.jsonl lacks one of them."""
    columns = folder.client.read().columns or None
    dropped = {row.id: row for row in folder.dropped.read()}
    if missing := [name for name in sample if name not in dropped]:
        raise AuditError(f"{folder.path}: row {missing[0]} of scores.parquet is not in dropped.jsonl; select again")
    folder.audit.write([_line(dropped[name], seed, columns) for name in sample])


def _line(row: DroppedRow, seed: int, columns: Mapping[str, str] | None) -> AuditLine:
    """What a person needs to read a row: all turns but the responses, the responses, and the reason given."""
    read = read_record(row.record, "dropped.jsonl", row.line, columns)
    prompt = "\n\n".join(turn.text for turn in read.messages if not turn.is_response)
    return AuditLine(row.id, row.line, row.reason, seed, prompt, read.response, "")


def read_audit(folder: OwnerFolder, scores: Scores) -> Audit:
    """The verdicts in a folder.

    Raises AuditError for a line that cannot be read, and where the lines are not the sample of the rows that the bar
    drops now: then they say nothing about these.
    """
    lines = folder.audit.read()
    verdicts = {line.id: line.verdict for line in lines}
    seed = lines[0].seed if lines else 0
    one_seed = all(line.seed == seed for line in lines)
    population = bar_dropped(scores, verdicts)
    sample = draw(population, len(lines), seed)
    if not lines or not one_seed or sorted(sample) != sorted(line.id for line in lines):
        raise AuditError(
            f"{folder.audit.path}: its {len(lines)} lines are not the sample of the {len(population)} rows that the "
            "bar drops now: lines are missing, or the bar has changed; move the file away and draw another sample"
        )
    return Audit(len(population), seed, verdicts)


def audit_view(folder: OwnerFolder, scores: Scores) -> AuditView:
    """What the owner's page says: the bound, or what a first sample would buy, or that the file does not fit."""
    dropped = bar_dropped(scores)
    total = len(dropped)
    view = AuditView(total, min(ROWS, total), none_good(ROWS, total), _unseen(folder, scores, dropped))
    if not folder.audit.path.exists():
        return view
    try:
        return replace(view, found=read_audit(folder, scores).facts)
    except AuditError:
        return replace(view, unfit=True)


def _unseen(folder: OwnerFolder, scores: Scores, dropped: Sequence[str]) -> float | None:
    """The share of the dropped rows that may be good before anybody looks, by `most_good`; None where none is dropped.

    The rule drops from the lowest p upwards, so the largest p among the dropped says where its bar was.
    """
    if not dropped:
        return None
    bar = float(scores["p"][np.isin(scores["id"], list(dropped))].max())
    return min(1.0, most_good(bar, folder.anchors.read().n, len(scores), CONFIDENCE) / len(dropped))


def _share(count: int, total: int) -> float | None:
    return count / total if total else None

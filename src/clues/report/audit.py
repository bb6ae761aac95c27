"""A random sample of the dropped rows for a person to judge, and what the verdicts say about all of them.

The file `audit.jsonl` lies in an owner's folder and stays there: it holds the owner's texts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clues.disk.reading import read_json
from clues.errors import AuditError
from clues.report.audit_file import FILE, read_entries, write_sample
from clues.report.client_files import Scores, read_scores
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
    """Row id -> `bad`, `good`, or empty while nobody has judged it."""

    def number(self, verdict: str) -> int:
        return list(self.verdicts.values()).count(verdict)

    @property
    def facts(self) -> dict[str, Any]:
        """Counts, and with 95 % confidence how many of all rows that the bar dropped are good.

        `most_good` is one-sided, `low` and `high` two-sided. A row without a verdict counts as good for the upper ends
        and as bad for the lower one, so that what is left out cannot make a bound too low. `left` speaks of the
        rows that stay dropped once those judged good are kept.
        """
        sampled, good, left_open = len(self.verdicts), self.number("good"), self.number("")
        upper = most(good + left_open, sampled, self.total)
        low, high = interval(good, good + left_open, sampled, self.total)
        rest = self.total - good
        return {
            "dropped": self.total,
            "sampled": sampled,
            "seed": self.seed,
            "good": good,
            "bad": self.number("bad"),
            "unanswered": left_open,
            "confidence": CONFIDENCE,
            "most_good": upper,
            **_shares(self.total, most_good_share=upper, low=low, high=high),
            "left": {"dropped": rest, "most_good": upper - good, **_shares(rest, most_good_share=upper - good)},
            "if_none_good": none_good(sampled, self.total),
        }


def none_good(rows: int, total: int) -> float | None:
    """The share of `total` dropped rows that may still be good, with 95 % confidence, if none of `rows` is."""
    return most(0, min(rows, total), total) / total if total else None


def bar_dropped(scores: Scores, sample: Collection[str] = ()) -> list[str]:
    """Ids of the rows that the bar dropped; those of the sample stay among them once their owner decides on them."""
    ids, decided = scores["id"], scores["decision"] != ""
    return ids[np.where(decided, np.isin(ids, list(sample)), ~scores.keep)].tolist()


def start_audit(folder: Path, rows: int | None = None, seed: int | None = None) -> Audit:
    """Draw a sample and write it to be judged, over one that nobody has judged yet, whose size and seed are kept.

    Nothing is written where the bar dropped nothing. Raises AuditError for a file with verdicts, and ReportError
    without scores.
    """
    entries = read_entries(folder)
    if any(entry["verdict"] for entry in entries):
        raise AuditError(f"{folder / FILE} holds verdicts already; move it away to draw another sample")
    size = rows or len(entries) or ROWS
    drawn = seed if seed is not None else int(entries[0]["seed"]) if entries else 0
    population = bar_dropped(read_scores(folder))
    sample = draw(population, size, drawn)
    if sample:
        write_sample(folder, sample, drawn)
    return Audit(len(population), drawn, dict.fromkeys(sample, ""))


def read_audit(folder: Path, scores: Scores) -> Audit:
    """The verdicts in a folder.

    Raises AuditError for a line that cannot be read, and where the lines are not the sample of the rows that the bar
    drops now: then they say nothing about these.
    """
    entries = read_entries(folder)
    verdicts = {entry["id"]: entry["verdict"] for entry in entries}
    seed = entries[0]["seed"] if entries else 0
    one_seed = all(entry["seed"] == seed for entry in entries)
    population = bar_dropped(scores, verdicts)
    sample = draw(population, len(entries), seed)
    if not entries or not one_seed or sorted(sample) != sorted(entry["id"] for entry in entries):
        raise AuditError(
            f"{folder / FILE}: its {len(entries)} lines are not the sample of the {len(population)} rows that the bar "
            "drops now: lines are missing, or the bar has changed; move the file away and draw another sample"
        )
    return Audit(len(population), seed, verdicts)


def audit_view(folder: Path, scores: Scores) -> dict[str, Any]:
    """What the owner's page says: the bound, or what a first sample would buy, or that the file does not fit."""
    dropped = bar_dropped(scores)
    total = len(dropped)
    view = {"total": total, "rows": min(ROWS, total), "if_none_good": none_good(ROWS, total)}
    view["unseen"] = _unseen(folder, scores, dropped)
    if not (folder / FILE).exists():
        return view
    try:
        return view | {"found": read_audit(folder, scores).facts}
    except AuditError:
        return view | {"unfit": True}


def _unseen(folder: Path, scores: Scores, dropped: Sequence[str]) -> float | None:
    """The share of the dropped rows that may be good before anybody looks, by `most_good`; None where none is dropped.

    The rule drops from the lowest p upwards, so the largest p among the dropped says where its bar was.
    """
    if not dropped:
        return None
    bar = float(scores["p"][np.isin(scores["id"], list(dropped))].max())
    anchors = int(read_json(folder / "anchors.json")["n"])
    return min(1.0, most_good(bar, anchors, len(scores), CONFIDENCE) / len(dropped))


def _shares(total: int, **counts: int) -> dict[str, float | None]:
    return {name: count / total if total else None for name, count in counts.items()}

"""What is counted in a file, part by part, so that a file of any length is looked through in little memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from clues.data.encoding import Encoded
from clues.data.files.reading import reading
from clues.data.overlap import Match, PublicSets
from clues.data.prepare import Prepared, no_rows, prepare_rows
from clues.data.remarks import MOST_LINES, Remark
from clues.data.rows import Row, SetAside

PART = 4000
"""Records that are in memory at a time."""


class Census:
    """Counts over the rows of a file, and the lines behind them; texts are not kept."""

    def __init__(self, public: PublicSets) -> None:
        self._public = public
        self.rows = self.tokens = self.longest = self.largest_id = 0
        """`longest`: tokens of the longest row; `largest_id`: of all tokens."""
        self.first: tuple[Row, Encoded] | None = None
        self.set_aside: list[SetAside] = []
        """Without their texts."""
        self.truncated: list[int] = []
        """Lines."""
        self.layouts: Counter[str] = Counter()
        self.matches: list[Match] = []
        self._lines: dict[int, int] = {}
        self._repeats: dict[int, list[int]] = {}
        self._remarks: dict[tuple[str, str, str], Remark] = {}

    def add(self, part: Prepared) -> None:
        """Count the next part of the file."""
        self.largest_id, self.longest = max(self.largest_id, part.largest_id), max(self.longest, part.longest)
        self.set_aside += [replace(item, raw="") for item in part.set_aside]
        for row, encoded in zip(part.rows, part.encoded, strict=True):
            self.first = self.first or (row, encoded)
            self.rows, self.tokens = self.rows + 1, self.tokens + len(encoded)
            self.truncated += [row.line] if encoded.truncated else []
            self.layouts[row.fields.layout] += 1
            self.matches += self._public.matches(row)
            self._meet(int(row.content_hash, 16), row.line)
        for remark in part.remarks():
            self.say(remark)

    @property
    def duplicates(self) -> list[list[int]]:
        """Lines with the same row, one list per group of two or more."""
        return sorted(self._repeats.values())

    @property
    def remarks(self) -> list[Remark]:
        """What must be known of how the rows were read."""
        return list(self._remarks.values())

    @property
    def share_set_aside(self) -> float:
        """Of all records."""
        return len(self.set_aside) / max(1, len(self.set_aside) + self.rows)

    def _meet(self, row: int, line: int) -> None:
        earlier = self._lines.setdefault(row, line)
        if earlier != line:
            self._repeats.setdefault(row, [earlier]).append(line)

    def say(self, remark: Remark) -> None:
        key = remark.code, remark.text, remark.file
        before = self._remarks.get(key, replace(remark, rows=0, lines=()))
        lines = (*before.lines, *remark.lines)[:MOST_LINES]
        self._remarks[key] = replace(remark, rows=before.rows + remark.rows, lines=lines)


def take_census(
    path: Path | str,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    columns: Mapping[str, str] | None,
    public: PublicSets,
    advance: Callable[..., None],
) -> Census:
    """Look through a file. Raises NoRowsError if nothing in it can be used, ReadingError if it cannot be opened."""
    census, found = Census(public), reading(path, columns)
    for part in _parts(iter(found)):
        rows = [row for row in part if isinstance(row, Row)]
        prepared = prepare_rows(rows, tokenizer, max_length)
        aside = [item for item in part if isinstance(item, SetAside)]
        in_order = sorted([*aside, *prepared.set_aside], key=lambda item: item.line)
        census.add(replace(prepared, set_aside=in_order))
        advance(len(part))
    if not census.rows:
        raise no_rows(path, census.set_aside)
    for remark in found.remarks(census.rows):
        census.say(remark)
    return census


def _parts(found: Iterator[Row | SetAside]) -> Iterator[list[Row | SetAside]]:
    while part := list(islice(found, PART)):
        yield part

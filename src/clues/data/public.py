"""Public files, by one reader for all commands: unusable ones are refused, equal rows count once, sets stand apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from clues.data.overlap import between
from clues.data.prepare import Prepared, prepare
from clues.data.remarks import MOST_LINES, Remark
from clues.data.rows import Row, SetAside
from clues.errors import SettingError

FEW_ANCHORS = 30
"""Different anchors; with fewer the bar depends on each of them, whatever the rule."""
REPEATED = "the same row as an earlier one; a public row counts once"
SHARED = {
    "exact": "the same answer",
    "near": "nearly the same answer",
    "prompt": "the same question with another answer",
}


@dataclass(frozen=True)
class PublicFiles:
    """The public sets of a command, each with its tokens."""

    files: Mapping[str, Path]
    """Set -> file."""
    parts: Mapping[str, Prepared]

    @staticmethod
    def read(
        files: Mapping[str, Path],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        columns: Mapping[str, str] | None = None,
    ) -> PublicFiles:
        """Read and encode them; a row that repeats another of its set is set aside.

        Raises ReadingError or NoRowsError for a file that cannot be used, SettingError for two sets of the same rows.
        """
        parts = {name: once(prepare(file, tokenizer, max_length, columns)) for name, file in files.items()}
        check_apart(files, {name: part.rows for name, part in parts.items()})
        return PublicFiles(files, parts)

    @property
    def rows(self) -> dict[str, list[Row]]:
        """The usable rows, each once."""
        return {name: part.rows for name, part in self.parts.items()}

    def remarks(self) -> tuple[Remark, ...]:
        """How the files were read, what was set aside of them, and what they share with one another."""
        said: list[Remark] = []
        for name, part in self.parts.items():
            said += [*part.remarks(name), *_set_aside(name, part.set_aside)]
        return (*said, *shared(self.rows))


def once(part: Prepared) -> Prepared:
    """The same without rows that repeat an earlier one word for word: they are set aside."""
    first: dict[str, int] = {}
    repeats: dict[int, SetAside] = {}
    for position, row in enumerate(part.rows):
        earlier = first.setdefault(row.content_hash, row.line)
        if earlier != row.line:
            repeats[position] = SetAside(row.file, row.line, REPEATED, f"as on line {earlier}")
    kept = [position for position in range(len(part.rows)) if position not in repeats]
    return replace(
        part,
        rows=[part.rows[position] for position in kept],
        encoded=[part.encoded[position] for position in kept],
        set_aside=sorted([*part.set_aside, *repeats.values()], key=lambda item: item.line),
    )


def check_apart(files: Mapping[str, Path], rows: Mapping[str, Sequence[Row]]) -> None:
    """Raises SettingError where one set lies within another: what is learned from one is measured on the other."""
    hashes = {name: {row.content_hash for row in part} for name, part in rows.items()}
    for a, b in combinations(hashes, 2):
        for inner, outer in ((a, b), (b, a)):
            if hashes[inner] <= hashes[outer]:
                raise SettingError(
                    f"{files[inner]}: every row of {inner} is also in {outer} ({files[outer]}); the bar's promise "
                    f"needs them apart: give other rows as {inner}"
                )


def shared(rows: Mapping[str, Sequence[Row]]) -> list[Remark]:
    """What public sets have in common with one another."""
    return [
        Remark("public-overlap", f"also in {a}, {SHARED[kind]}", n, (), b)
        for (a, b), kinds in between(rows).items()
        for kind, n in kinds.items()
        if n
    ]


def about_few(rows: Sequence[Row]) -> list[Remark]:
    """That there are few anchors; none if there are enough of them."""
    if len(rows) >= FEW_ANCHORS:
        return []
    text = f"fewer than {FEW_ANCHORS} different anchors, so that the bar depends on each of them"
    return [Remark("few-anchors", text, len(rows), (), "anchors")]


def _set_aside(name: str, items: Sequence[SetAside]) -> list[Remark]:
    """One remark for each reason, the most frequent ones first."""
    lines: dict[str, list[int]] = {}
    for item in items:
        lines.setdefault(item.reason, []).append(item.line)
    found = sorted(lines.items(), key=lambda pair: -len(pair[1]))
    return [Remark("set-aside", f"set aside: {why}", len(at), tuple(at[:MOST_LINES]), name) for why, at in found]

"""A folder whose files together are one data set. A copy is a folder of the same files with the rows that are kept."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from clues.data.files.formats import DataSet, Item, suffix_of
from clues.data.files.saved import STATES
from clues.errors import ReadingError

DEPTH = 3
"""Folders within one another that are looked into: a set's own, `data`, and one for each configuration."""
_SPLIT = re.compile(r"(train|test|validation|valid|val|dev|eval)(?=[-_.\d]|$)", re.IGNORECASE)


class Shards:
    """Files of one format, in the order of their names. An item's line counts through them, as if they were joined."""

    suffix = ""

    def __init__(self, folder: Path, files: Sequence[Path], open_file: Callable[[Path], DataSet]) -> None:
        self.folder = self.location = folder
        self.names = tuple(file.relative_to(folder) for file in files)
        self._files, self._open = files, open_file
        self.notes: list[str] = [f"{len(files)} files, in the order of their names"]

    def size(self) -> int:
        """See `DataSet`."""
        return sum(self._open(file).size() for file in self._files)

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        for file, item, line in self._numbered():
            where = f"{file.name}:{item.line}: " if item.problem else ""
            yield replace(item, line=line, problem=f"{where}{item.problem}")

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        kept: dict[Path, list[int]] = defaultdict(list)
        wanted = set(lines)
        for file, item, line in self._numbered():
            if line in wanted:
                kept[file].append(item.line)
        for file in self._files:
            place = out / file.relative_to(self.folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            self._open(file).copy(kept[file], place)

    def _numbered(self) -> Iterator[tuple[Path, Item, int]]:
        """Every item with its file and its number in the whole: after the last one of the files before it."""
        before = 0
        for file in self._files:
            shard, last = self._open(file), 0
            for item in shard.items():
                last = item.line
                yield file, item, before + item.line
            self.notes += [note for note in shard.notes if note not in self.notes]
            before += last


def shards_in(folder: Path, split: str) -> list[Path]:
    """The files of one data set in a folder, or in folders in it.

    Raises ReadingError where there is none, more than one format, or more than one split and none is named.
    """
    there = (path for depth in range(1, DEPTH + 1) for path in folder.glob("/".join("*" * depth)))
    files = sorted(path for path in there if path.is_file() and suffix_of(path) and not _aside(path, folder))
    if not files:
        raise ReadingError(f"{folder}: a folder, but no saved data set and no file of rows in it; name a file")
    kinds = {suffix_of(path) for path in files}
    if len(kinds) > 1:
        raise ReadingError(f"{folder}: files of several formats ({', '.join(sorted(kinds))}); name one of them")
    splits: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        splits[_split(file, folder)].append(file)
    if not split and len(splits) == 1:
        return files
    if split not in splits or not split:
        names = ", ".join(name or "files of no split" for name in splits)
        asked = f"no split {split!r}; " if split else ""
        example = next(name for name in splits if name) if any(splits) else ""
        how = f"; name one, as in {folder}:{example}" if example else ""
        raise ReadingError(f"{folder}: {asked}the splits are {names}{how}")
    return splits[split]


def _aside(path: Path, folder: Path) -> bool:
    """What lies beside the rows: hidden files, and what describes the set."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    saved = any(
        (parent / name).is_file() for parent in path.parents for name in STATES if parent.is_relative_to(folder)
    )
    return hidden or saved or path.name in ("dataset_info.json", "dataset_infos.json")


def _split(file: Path, folder: Path) -> str:
    """The split that a file's name, or its folder's, says; empty if none."""
    parts = file.relative_to(folder).parts
    found = (_SPLIT.match(part) for part in reversed(parts))
    return next((match.group(1).lower() for match in found if match), "")

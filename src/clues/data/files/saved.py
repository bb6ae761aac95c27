"""Data sets that `datasets` keeps: folders it has saved, and those of a hub. An item's line is the record's number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.data.files.arrow import items_of
from clues.data.files.formats import Item
from clues.data.files.tables import BATCH
from clues.disk.writing import json_line
from clues.errors import ReadingError

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

STATES = ("state.json", "dataset_dict.json")
"""One of them is in every folder that `datasets` has saved; the second where there are splits."""


class SavedDataSet:
    """A folder that `datasets` has saved, and the name of the split if it has several."""

    suffix = ""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder = self.location = folder
        self.split = split
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        return len(self._records)

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        return items_of(_batches(self._records), str(self.folder), self.notes)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        kept = self._records.select([line - 1 for line in lines])
        # Left to itself, `datasets` saves an empty data set in no shard at all, and cannot load that.
        kept.save_to_disk(str(out), num_shards=None if lines else 1)

    @cached_property
    def _records(self) -> Dataset:
        from datasets import load_from_disk

        try:
            loaded = load_from_disk(str(self.folder))
        except Exception as error:  # the library's, pyarrow's, and those of packages that a feature needs
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ReadingError(f"{self.folder}: not a saved data set that can be read: {reason}") from error
        return split_of(loaded, str(self.folder), self.split)


class HubDataSet:
    """A data set by its name on a hub, `organisation/name`. A copy of it is a file of JSON lines."""

    suffix = ".jsonl"
    location = None

    def __init__(self, name: str, split: str) -> None:
        self.name, self.split = name, split
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        return len(self._records)

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        return items_of(_batches(self._records), self.name, self.notes)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        kept = set(lines)
        with out.open("wb") as file:
            file.writelines(json_line(item.record) + b"\n" for item in self.items() if item.line in kept)

    @cached_property
    def _records(self) -> Dataset:
        from datasets import load_dataset

        try:
            loaded = load_dataset(self.name)
        except Exception as error:  # the network, the hub and the data set's own files all fail in ways of their own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ReadingError(f"{self.name}: no such file, and as a hub's data set not to be had: {reason}") from error
        return split_of(loaded, self.name, self.split)


def _batches(records: Dataset) -> Iterator[pa.RecordBatch]:
    """As Arrow holds them: whole, whatever format was saved with them, and with no picture decoded."""
    plain: Any = records.with_format("arrow")
    for start in range(0, len(plain), BATCH):
        yield from plain[start : start + BATCH].combine_chunks().to_batches()


def split_of(loaded: Any, name: str, split: str) -> Any:
    """The one split that is asked for; a single split needs no name. Raises ReadingError."""
    if not isinstance(loaded, Mapping):
        if split:
            raise ReadingError(f"{name}:{split}: the data set has no splits; name it without one")
        return loaded
    if not split and len(loaded) == 1:
        return next(iter(loaded.values()))
    if split not in loaded:
        names = ", ".join(map(str, loaded))
        asked = f"no split {split!r}; " if split else ""
        raise ReadingError(f"{name}: {asked}the splits are {names}; name one, as in {name}:{next(iter(loaded))}")
    return loaded[split]

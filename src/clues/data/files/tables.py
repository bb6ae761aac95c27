"""Data sets in Arrow tables: Parquet files, saved Hugging Face data sets and those of a hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.data.files.formats import Item, object_item
from clues.disk.writing import json_line
from clues.errors import ReadingError

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset


class Parquet:
    """A Parquet file. An item's line is the record's number, here and below."""

    suffix = ".parquet"

    def __init__(self, path: Path) -> None:
        self.path = self.location = path

    def items(self) -> Iterator[Item]:
        records = (record for batch in self._table.to_batches() for record in batch.to_pylist())
        for number, record in enumerate(records, start=1):
            yield object_item(number, record)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(self._table.take(pa.array([line - 1 for line in lines], pa.int64())), out)

    @cached_property
    def _table(self) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path) as file:
                return file.read()
        except (OSError, pa.ArrowException) as error:
            raise ReadingError(f"{self.path}: not a Parquet file that can be read: {error}") from error


class SavedDataSet:
    """A folder that `datasets` has saved, and the name of the split if it has several."""

    suffix = ""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder = self.location = folder
        self.split = split

    def items(self) -> Iterator[Item]:
        return _items(self._records)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        kept = self._records.select([line - 1 for line in lines])
        # Left to itself, `datasets` saves an empty data set in no shard at all, and cannot load that.
        kept.save_to_disk(str(out), num_shards=None if lines else 1)

    @cached_property
    def _records(self) -> Dataset:
        from datasets import load_from_disk

        try:
            loaded = load_from_disk(str(self.folder))
        except FileNotFoundError as error:
            raise ReadingError(f"{self.folder}: a folder, but no saved data set; name a file in it") from error
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ReadingError(f"{self.folder}: not a saved data set that can be read: {error}") from error
        return _split(loaded, str(self.folder), self.split)


class HubDataSet:
    """A data set by its name on a hub, `organisation/name`. A copy of it is a file of JSON lines."""

    suffix = ".jsonl"
    location = None

    def __init__(self, name: str, split: str) -> None:
        self.name, self.split = name, split

    def items(self) -> Iterator[Item]:
        return _items(self._records)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        out.write_bytes(b"".join(json_line(self._records[line - 1]) + b"\n" for line in lines))

    @cached_property
    def _records(self) -> Dataset:
        from datasets import load_dataset

        try:
            loaded = load_dataset(self.name)
        except Exception as error:  # the network, the hub and the data set's own files all fail in ways of their own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ReadingError(f"{self.name}: no such file, and as a hub's data set not to be had: {reason}") from error
        return _split(loaded, self.name, self.split)


def _items(records: Dataset) -> Iterator[Item]:
    for number, record in enumerate(records, start=1):
        yield object_item(number, record)


def _split(loaded: Any, name: str, split: str) -> Dataset:
    """The one split that is asked for; a single split needs no name."""
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

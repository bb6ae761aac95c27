"""Data sets in Arrow tables: Parquet, Feather and Arrow files. An item's line is the record's number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues.data.files.arrow import items_of
from clues.data.files.formats import Item
from clues.errors import ReadingError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1000
"""Rows that are in memory at a time."""


class Parquet:
    """A Parquet file; a copy keeps its row groups and its compression."""

    suffix = ".parquet"

    def __init__(self, path: Path) -> None:
        self.path = self.location = path
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        with self._opened() as file:
            return file.metadata.num_rows

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        with self._opened() as file:
            yield from items_of(file.iter_batches(batch_size=BATCH), str(self.path), self.notes)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        import pyarrow.parquet as pq

        with self._opened() as file, pq.ParquetWriter(out, file.schema_arrow, **_written(file)) as writer:
            end = 0
            for group in range(file.num_row_groups):
                start, end = end, end + file.metadata.row_group(group).num_rows
                if kept := [line - 1 - start for line in lines if start < line <= end]:
                    writer.write_table(file.read_row_group(group).take(kept), row_group_size=len(kept))

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with _readable(self.path, "Parquet"):
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.path) as file:
                yield file


def _written(file: Any) -> dict[str, Any]:
    """How a file was written, as its first row group tells it: its compression, column by column."""
    if not file.num_row_groups:
        return {}
    group = file.metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {"compression": {column.path_in_schema: _named(column.compression) for column in columns}}


def _named(compression: str) -> str:
    return "none" if compression == "UNCOMPRESSED" else compression.lower()


class Arrow:
    """An Arrow file, a stream of Arrow, or a Feather file of either version; a copy is of the same kind."""

    def __init__(self, path: Path, suffix: str) -> None:
        self.path = self.location = path
        self.suffix = suffix
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        return self._table().num_rows

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        return items_of(iter(self._table().to_batches(BATCH)), str(self.path), self.notes)

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        import pyarrow as pa
        import pyarrow.feather as feather

        kept = self._table().take(pa.array([line - 1 for line in lines], pa.int64()))
        if self._head().startswith(b"FEA1"):
            feather.write_feather(kept, str(out), version=1)
            return
        new = pa.ipc.new_file if self._head().startswith(b"ARROW1") else pa.ipc.new_stream
        compressed = pa.ipc.IpcWriteOptions(compression="lz4" if self.suffix == ".feather" else None)
        with new(str(out), kept.schema, options=compressed) as writer:
            writer.write_table(kept)

    def _table(self) -> pa.Table:
        with _readable(self.path, "Arrow"):
            import pyarrow as pa
            import pyarrow.feather as feather

            if self._head().startswith((b"ARROW1", b"FEA1")):
                table = feather.read_table(str(self.path), memory_map=True)
            else:
                with pa.memory_map(str(self.path)) as stream:
                    table = pa.ipc.open_stream(stream).read_all()
            table.validate(full=True)  # Arrow believes a file's offsets, and a damaged one would end the process
            return table

    def _head(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(6)


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Raises ReadingError for what pyarrow makes of a file that is none of that kind, or damaged."""
    import pyarrow as pa

    try:
        yield
    except ReadingError:
        raise
    except (OSError, pa.ArrowException, ValueError, KeyError, OverflowError) as error:
        raise ReadingError(f"{path}: not a{'n' * (kind == 'Arrow')} {kind} file that can be read: {error}") from error

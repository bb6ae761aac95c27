"""Rows of an Arrow table as records: columns that Python cannot hold are read as text, so that the others are had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from clues.data.files.formats import Item, value_item
from clues.errors import ReadingError

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_BYTES = 32
"""Bytes of a binary value (a picture, a sound) that a record keeps: enough to see that it is no text."""


def check_names(names: Sequence[str], where: str) -> None:
    """Raises ReadingError for two columns of one name: nobody can say which is meant."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ReadingError(f"{where}: two columns are named {twice[0]!r}; rename one")


def items_of(batches: Iterator[pa.RecordBatch], where: str, notes: list[str]) -> Iterator[Item]:
    """The records of a table's batches, numbered from 1; columns that are read as text are added to `notes`."""
    number = 0
    for batch in batches:
        check_names(batch.schema.names, where)
        columns = {name: _values(batch.column(i), name, notes) for i, name in enumerate(batch.schema.names)}
        for record in _records(columns, batch.num_rows):
            number += 1
            yield value_item(number, record)


def _records(columns: dict[str, list[Any]], rows: int) -> Iterator[dict[str, Any]]:
    if not columns:
        yield from ({} for _ in range(rows))
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _values(column: pa.Array, name: str, notes: list[str]) -> list[Any]:
    """The column's values in Python."""
    try:
        values = column.to_pylist()
    except Exception:  # dates after 9999, time zones that are not there, types of packages that are not there
        note = f"column {name!r} as text"
        if note not in notes:
            notes.append(note)
        return _texts(column)
    return [_short(value) for value in values] if _holds_bytes(column.type) else values


def _texts(column: pa.Array) -> list[Any]:
    import pyarrow as pa

    try:
        return column.cast(pa.string()).to_pylist()
    except Exception:  # no text in UTF-8, or nothing that has a text
        return [_text(value) for value in column]


def _text(value: Any) -> Any:
    """A cell as text; its bytes where these are no text, and nothing where it cannot be had at all."""
    try:
        return str(value.as_py())
    except Exception:
        buffer = value.as_buffer() if hasattr(value, "as_buffer") else None
        return _short(buffer.to_pybytes()) if buffer else None


def _holds_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    inner = [kind.field(i).type for i in range(kind.num_fields)]
    return any(is_kind(kind) for is_kind in binary) or any(_holds_bytes(part) for part in inner)


def _short(value: Any) -> Any:
    if isinstance(value, bytes):
        return value[:LONGEST_BYTES]
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    return [_short(part) for part in value] if isinstance(value, list) else value

"""Scores on disk, under a key: scores of other rows or of another checkpoint are never taken for these.

Rows are scored in shards. Each is on disk as soon as it is done, so that a killed run goes on with the shard it was in,
and several processes (`accelerate launch`) each score some of them; in the end they are joined in the rows' order. What
is in a batch depends on its shard alone: one process or several, killed or not, the file is the same.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clues.data.encoding import Encoded
from clues.disk.writing import replacing, write_table
from clues.processes import processes

SCORING_VERSION = "6"
"""Raised when a channel's definition changes: older scores are then computed again."""
SHARD_ROWS = 64
"""Enough to fill batches with rows of like length; what a killed run loses, and what is in memory at once."""


def rows_key(encoded: Sequence[Encoded], checkpoint_key: str) -> str:
    """Key of these rows' scores under a checkpoint: content, mask, checkpoint and version."""
    digest = hashlib.sha256(f"{SCORING_VERSION} {checkpoint_key}".encode())
    for e in encoded:
        digest.update(np.asarray(e.input_ids, np.int64).tobytes() + bytes(e.response_mask))
    return digest.hexdigest()[:16]


def score_in_shards(
    folder: Path,
    names: Sequence[str],
    encoded: Sequence[Encoded],
    checkpoint_key: str,
    score: Callable[[slice], Sequence[pa.Table]],
) -> None:
    """Make `folder/<name>.parquet` of every name, unless they are there under this key.

    Args:
        names: one file each for the tables that `score` gives.
        encoded: the rows; with `checkpoint_key` they make the key.
        score: tables of the rows in a slice, one line per row.
    """
    files = [folder / f"{name}.parquet" for name in names]
    key, state = rows_key(encoded, checkpoint_key), processes()
    if not all(is_scored(file, key) for file in files):
        shards = [slice(i, min(i + SHARD_ROWS, len(encoded))) for i in range(0, len(encoded), SHARD_ROWS)]
        parts = [[_part(file, number) for file in files] for number in range(len(shards))]
        for number in range(state.process_index, len(shards), state.num_processes):
            part_key = rows_key(encoded[shards[number]], checkpoint_key)
            if not all(is_scored(part, part_key) for part in parts[number]):
                for part, table in zip(parts[number], score(shards[number]), strict=True):
                    _write(part, table, part_key)
        state.wait_for_everyone()
        if state.is_main_process:
            for i, file in enumerate(files):
                _join([shard[i] for shard in parts], file, key)
    state.wait_for_everyone()


def channel_table(channels: Mapping[str, np.ndarray]) -> pa.Table:
    """Channels [rows] as a table."""
    return pa.table({name: np.asarray(values) for name, values in channels.items()})


def is_scored(file: Path, key: str) -> bool:
    """Whether a file is there, and was made under this key."""
    return file.exists() and (pq.read_schema(file).metadata or {}).get(b"clues_key", b"").decode() == key


def load_channels(file: Path) -> dict[str, np.ndarray]:
    """The channels in a file, [rows] each."""
    table = pq.read_table(file)
    return {name: table[name].to_numpy() for name in table.column_names}


def _part(file: Path, number: int) -> Path:
    return file.with_suffix(".parts") / f"{number:06d}.parquet"


def _write(file: Path, table: pa.Table, key: str) -> None:
    write_table(table.replace_schema_metadata({"clues_key": key}), file)


def _join(parts: Sequence[Path], file: Path, key: str) -> None:
    """One file out of its parts, a part in memory at a time; the parts are then gone."""
    schema = pq.read_schema(parts[0]).with_metadata({"clues_key": key})
    with replacing(file) as scratch, pq.ParquetWriter(scratch, schema) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part).replace_schema_metadata(schema.metadata))
    shutil.rmtree(parts[0].parent)

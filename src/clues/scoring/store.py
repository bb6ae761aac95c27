"""Channels on disk, under a key: scores of other rows or of another checkpoint are never taken for these."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clues.data.encoding import Encoded

SCORING_VERSION = "2"
"""Raised when a channel's definition changes: older scores are then computed again."""


def rows_key(encoded: Sequence[Encoded], checkpoint_key: str) -> str:
    """Key of these rows' scores under a checkpoint: content, mask, checkpoint and version."""
    digest = hashlib.sha256(f"{SCORING_VERSION} {checkpoint_key}".encode())
    for e in encoded:
        digest.update(np.asarray(e.input_ids, np.int64).tobytes() + bytes(e.response_mask))
    return digest.hexdigest()[:16]


def save_channels(file: Path, channels: Mapping[str, np.ndarray], key: str) -> None:
    """Write channels [rows] as Parquet, atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: np.asarray(values) for name, values in channels.items()})
    scratch = file.with_suffix(".part")
    pq.write_table(table.replace_schema_metadata({"clues_key": key}), scratch)
    scratch.replace(file)


def load_channels(file: Path, key: str) -> dict[str, np.ndarray] | None:
    """The channels in a file, or None if there is none or it was made under another key."""
    if not file.exists():
        return None
    table = pq.read_table(file)
    if (table.schema.metadata or {}).get(b"clues_key", b"").decode() != key:
        return None
    return {name: table[name].to_numpy() for name in table.column_names}

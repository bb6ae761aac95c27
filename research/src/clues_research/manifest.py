"""SHA-256 of every committed channel table, in the form that `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clues.disk.writing import replacing
from clues_research.places import TABLES

MANIFEST = "SHA256SUMS"


def sums(folder: Path = TABLES) -> str:
    """A line per table, in the order of their names."""
    files = sorted(folder.glob("*.parquet"))
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def write_manifest(folder: Path = TABLES) -> None:
    """Write the manifest beside the tables that are there."""
    with replacing(folder / MANIFEST) as scratch:
        scratch.write_text(sums(folder))

"""Where the clone keeps what research reads and writes."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PACKAGED = ROOT / "src" / "clues" / "packaged"
"""Data that ship with clues."""
RESULTS = ROOT / "research" / "results"
TABLES = RESULTS / "channels"
"""Channel tables of the selection study and of the reproduction."""
REPRODUCED = RESULTS / "reproduced"
"""Copies of the arms' files, of what final models knew, and of how near their answers were to the references."""

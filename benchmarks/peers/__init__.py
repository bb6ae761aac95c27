"""Other libraries, each called so that it computes the same number: one module each with a `prepare`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.contract import Prepare

PEERS = ("loop", "captum", "dattri", "dattri-llm", "kronfluence", "bergson", "opacus")


def peer(name: str) -> Prepare:
    """The engine of a peer. Raises ImportError where it is not installed."""
    return import_module(f"benchmarks.peers.{name.replace('-', '_')}").prepare


CALLBACKS = ("bergson", "dattri-llm")
"""Libraries with a callback that works inside a training."""


def callback(name: str) -> Any:
    """The `Scoring` (see `in_run`) of a library. Raises ImportError where it is not installed."""
    return import_module(f"benchmarks.peers.{name.replace('-', '_')}_callback").Callback

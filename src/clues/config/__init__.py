"""The settings of a job. They are in `settings`, which is imported when one is first used: what checks them takes a
tenth of a second, and `clues --help` shows no more than the names in `names`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clues.config.settings import *  # noqa: F403


def __getattr__(name: str) -> object:
    if name.startswith("_") or name.islower():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("clues.config.settings"), name)

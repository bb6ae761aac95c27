"""`clues env`: what a bug report needs."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from clues import __version__
from clues.cli.output import NORMAL, Output, table
from clues.cli.text.words import data_size

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "datasets", "flwr", "ray", "pyarrow")

EXAMPLES = """
**Examples**

    clues env
    clues env --json
"""


def env(*, output: Output = NORMAL) -> int:
    """Show versions and this machine's size, for a bug report.

    Names no user, no host and no folder.
    """
    facts = {
        "clues": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cache": _cache(),
    }
    shown = [[name.removesuffix("_bytes"), _said(name, value)] for name, value in facts.items()]
    return output.answer(table(shown), {"command": "env", **facts})


def _said(name: str, value: Any) -> str:
    return data_size(value) if name.endswith("_bytes") else str(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cache() -> str:
    """Where converted models are kept, in the words of the variable that decides it."""
    if os.environ.get("CLUES_HOME"):
        return "$CLUES_HOME"
    return "$XDG_CACHE_HOME/clues" if os.environ.get("XDG_CACHE_HOME") else "~/.cache/clues"

"""The results file: every number, with what it depends on."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = (
    "torch", "transformers", "peft", "captum", "dattri", "dattri-llm", "kronfluence", "bergson", "opacus",
)  # fmt: skip


def circumstances() -> dict[str, Any]:
    """The machine, in words, and the versions of everything measured; nothing that names a person or a folder."""
    return {
        "machine": {"processor": processor(), "system": platform.system(), "threads": torch.get_num_threads()},
        "versions": {"python": platform.python_version()} | {name: installed(name) for name in PACKAGES},
    }


def processor() -> str:
    """Name and vector instructions of the processor, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    name = re.search(r"model name\s*: (.*)", text)
    best = next((flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in text), "")
    return f"{name.group(1) if name else platform.machine()} {best}".strip()


def installed(package: str) -> str:
    """The version, `-` where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def write(file: Path, results: dict[str, Any]) -> None:
    """Write the file, whole or not at all."""
    scratch = file.with_suffix(".part")
    scratch.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    scratch.replace(file)

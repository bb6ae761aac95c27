"""The main job's figures: one larger run a seed, resumable, then docs/figures/main.json and the README's table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from cyclopts import Parameter

from clues.cli.display import showing
from clues.config import Job
from clues.config.reading import load_job
from clues.data.files.reading import read_rows
from clues.disk.reading import read_json
from clues.disk.writing import write_json
from clues.evaluation.scored import Scored, read_scored
from clues.evaluation.selection import every_rule, keep_by
from clues.federated.run import run_job
from clues.folders.run import RunFolder
from clues.progress import Progress
from clues.statistics.bootstrap import document_of, interval
from clues.statistics.gap import Losses, gap_closed
from clues.statistics.ranking import resampled_auc
from clues.statistics.shares import selection_shares
from clues_research.figures import JOB
from clues_research.figures.readme_table import ARMS, HOWS, put_into_readme, table
from clues_research.places import DOCS


def figures(
    *,
    seeds: str = "104 105",
    runs: Path = Path("runs/figures"),
    output: Path = DOCS / "figures",
    changes: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    engine: Literal["simulation", "in-process"] = "simulation",
) -> None:
    """Run what is missing, one larger run a seed, then write main.json and the README's table.

    Parameters
    ----------
    seeds
        Separated by spaces.
    runs
        Folder for the runs; a stopped one goes on.
    output
        Folder for main.json; the README is changed where it is that of the clone.
    changes
        KEY=VALUE: a setting of the job.
    engine
        What carries the clients.
    """
    job, numbers = load_job(JOB, changes), [int(seed) for seed in seeds.split()]
    for seed in numbers:
        run(replace(job, seed=seed), runs / str(seed), engine)
    found = collect(numbers, runs)
    write_json(found, output / "main.json")
    print(table(found))
    if output.resolve() == DOCS / "figures":
        put_into_readme(table(found))


def run(job: Job, folder: Path, engine: Any) -> None:
    """A run that goes on where it was stopped, and does nothing when it is finished."""
    with showing("auto") as display:
        run_job(job, folder, Progress(folder / "events.jsonl", display), resume=True, engine=engine)


def collect(seeds: list[int], runs: Path) -> dict[str, Any]:
    """Metrics per seed, their mean, and intervals over all seeds together."""
    by_seed = {str(seed): read_json(runs / str(seed) / "metrics.json") for seed in seeds}
    mean = average(list(by_seed.values()))
    mean["gap_closed"] = {how: vars(gap_closed([losses(runs / str(s), how) for s in seeds])) for how in HOWS}
    merge(
        mean["selection"], together([read_scored(RunFolder(runs / str(seed))) for seed in seeds], runs / str(seeds[0]))
    )
    return {"seeds": by_seed, "mean": mean}


def average(values: list[Any]) -> Any:
    """The mean of every number at the same place of several trees; what is not a number everywhere is left out.

    So are the ends of intervals: the mean of three lower ends is no lower end.
    """
    if all(isinstance(v, dict) for v in values):
        shared = [key for key in values[0] if all(key in v for v in values) and not key.endswith(("_low", "_high"))]
        tree = {key: average([v[key] for v in values]) for key in shared}
        return {key: value for key, value in tree.items() if value is not None}
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return float(np.mean(values)) if numeric else None


def together(seeds: list[Scored], first: Path) -> dict[str, Any]:
    """What has an interval over the rows of all seeds: areas (bootstrap, the mean over seeds), shares (exact)."""
    clean = np.concatenate([s.clean for s in seeds])
    rules = every_rule(load_job(first / "job.toml").selection, np.empty(0))
    kept = {name: np.concatenate([keep_by(s, rules[name]) for s in seeds]) for name in ("conformal", "fdr")}
    kinds = sorted(set(seeds[0].kind[~seeds[0].clean].tolist()))
    return {
        **mean_area(seeds),
        "kinds": {kind: mean_area(seeds, kind) for kind in kinds},
        "all_seeds": {name: selection_shares(keep, clean) for name, keep in kept.items()},
    }


def mean_area(seeds: list[Scored], kind: str | None = None) -> dict[str, float]:
    """The interval of the mean over seeds of the area, all rows or one kind against the clean ones."""
    areas = []
    for number, scored in enumerate(seeds):
        chosen = scored.clean | (scored.kind == kind) if kind else np.ones(len(scored.clean), bool)
        areas.append(resampled_auc(scored.clean[chosen], scored.statistic[chosen], seed=number))
    low, high = interval(np.mean(areas, axis=0))
    return {"auc_low": low, "auc_high": high}


def merge(tree: dict[str, Any], more: dict[str, Any]) -> None:
    """Put the leaves of `more` into the tree."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge(tree[key], value)
        else:
            tree[key] = value


def losses(folder: Path, how: str) -> Losses:
    """NLL per test row of the three arms of a run."""
    documents = [document_of(row) for row in read_rows(folder / "public" / "test.jsonl")[0]]
    arms = {arm: read_json(folder / "evaluation" / f"{arm}-{how}.json")["nll"] for arm in ARMS}
    return Losses(**{arm: np.array(nll) for arm, nll in arms.items()}, documents=documents)

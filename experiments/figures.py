"""The main job's figures: one larger run a seed, resumable, then docs/figures/main.json and the README's table.

python experiments/figures.py --seeds "104 105" --runs runs/figures --output docs/figures
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from figures_table import ARMS, HOWS, put_into_readme, table

from clues.cli.display import showing
from clues.config import Job
from clues.config.reading import load_job
from clues.data.files.reading import read_rows
from clues.disk.reading import read_json
from clues.disk.writing import write_json
from clues.evaluation.scored import Scored, read_scored
from clues.evaluation.selection import every_rule, keep_by
from clues.federated.run import run_job
from clues.progress import Progress
from clues.statistics.bootstrap import document_of, interval
from clues.statistics.gap import Losses, gap_closed
from clues.statistics.ranking import resampled_auc
from clues.statistics.shares import selection_shares

HERE = Path(__file__).parent


def main() -> None:
    """Run what is missing, then collect everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="104 105", help="seeds, separated by spaces")
    parser.add_argument("--runs", type=Path, default=Path("runs/figures"))
    parser.add_argument("--output", type=Path, default=Path("docs/figures"))
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE")
    parser.add_argument("--engine", choices=("simulation", "in-process"), default="simulation")
    options = parser.parse_args()
    job, seeds = load_job(HERE / "figures.toml", options.changes), [int(seed) for seed in options.seeds.split()]
    for seed in seeds:
        run(replace(job, seed=seed), options.runs / str(seed), options.engine)
    figures = collect(seeds, options.runs)
    write_json(figures, options.output / "main.json")
    print(table(figures))
    if options.output == Path("docs/figures"):
        put_into_readme(table(figures))


def run(job: Job, folder: Path, engine: Any) -> None:
    """A run that goes on where it was stopped, and does nothing when it is finished."""
    with showing("auto") as display:
        run_job(job, folder, Progress(folder / "events.jsonl", display), resume=True, engine=engine)


def collect(seeds: list[int], runs: Path) -> dict[str, Any]:
    """Metrics per seed, their mean, and intervals over all seeds together."""
    by_seed = {str(seed): read_json(runs / str(seed) / "metrics.json") for seed in seeds}
    mean = average(list(by_seed.values()))
    mean["gap_closed"] = {how: vars(gap_closed([losses(runs / str(s), how) for s in seeds])) for how in HOWS}
    merge(mean["selection"], together([read_scored(runs / str(seed)) for seed in seeds], runs / str(seeds[0])))
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


if __name__ == "__main__":
    main()

"""The main job's figures: one larger run a seed, resumable, then docs/figures/main.json and the README's table.

    python experiments/figures.py --seeds "101 102 103" --runs runs/figures --output docs/figures

Each seed has two runs: `<seed>` with half of the rows spoiled, and `<seed>-clean` with none, which shows what the bar
drops where nothing is wrong.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clues.cli.display import showing
from clues.config import Job, load_job
from clues.data.reading import read_rows
from clues.data.writing import write_json
from clues.evaluation.bootstrap import document_of
from clues.evaluation.gap import Losses, gap_closed
from clues.evaluation.scored import read_scored
from clues.evaluation.selection import every_rule, keep_by
from clues.evaluation.shares import selection_shares, share
from clues.federated.run import run_job
from clues.progress import Progress

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- figures: made by `make figures` -->", "<!-- end of figures -->"
HOWS = ("federated", "merged")


def main() -> None:
    """Run what is missing, then collect everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="101 102 103", help="seeds, separated by spaces")
    parser.add_argument("--runs", type=Path, default=Path("runs/figures"))
    parser.add_argument("--output", type=Path, default=Path("docs/figures"))
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE")
    parser.add_argument("--engine", choices=("simulation", "in-process"), default="simulation")
    options = parser.parse_args()
    job, seeds = load_job(HERE / "figures.toml", options.changes), [int(seed) for seed in options.seeds.split()]
    for seed in seeds:
        run(replace(job, seed=seed), options.runs / str(seed), options.engine)
        run(undamaged(replace(job, seed=seed)), options.runs / f"{seed}-clean", options.engine)
    figures = collect(seeds, options.runs)
    write_json(figures, options.output / "main.json")
    print(table(figures))
    if options.output == Path("docs/figures"):
        put_into_readme(table(figures))


def undamaged(job: Job) -> Job:
    """The same rows with nothing spoiled; warm-up and selection only."""
    sample = replace(job.sample, spoiled_share=0.0)
    collaboration = replace(job.collaboration, arms=(), equal_epochs=False, compare=False)
    return replace(job, name=f"{job.name}-clean", sample=sample, collaboration=collaboration)


def run(job: Job, folder: Path, engine: Any) -> None:
    """A run that goes on where it was stopped, and does nothing when it is finished."""
    with showing("auto") as display:
        run_job(job, folder, Progress(folder / "events.jsonl", display), resume=True, engine=engine)


def collect(seeds: list[int], runs: Path) -> dict[str, Any]:
    """Metrics per seed, their mean, and what is only known from all seeds together."""
    by_seed = {str(seed): json.loads((runs / str(seed) / "metrics.json").read_text()) for seed in seeds}
    clean = {str(seed): json.loads((runs / f"{seed}-clean" / "selection.json").read_text()) for seed in seeds}
    for seed, metrics in by_seed.items():
        counts = clean[seed]["clients"]
        metrics["undamaged"] = {name: share("dropped_share", c["dropped"], c["rows"]) for name, c in counts.items()}
    mean = average(list(by_seed.values()))
    mean["gap_closed"] = {how: vars(gap_closed([losses(runs / str(s), how) for s in seeds])) for how in HOWS}
    mean["selection"] |= together(seeds, runs)
    dropped = [c for s in clean.values() for c in s["clients"].values()]
    mean["undamaged"] = share("dropped_share", sum(c["dropped"] for c in dropped), sum(c["rows"] for c in dropped))
    return {"seeds": by_seed, "mean": mean}


def average(values: list[Any]) -> Any:
    """The mean of every number at the same place of several trees; what is not a number everywhere is left out."""
    if all(isinstance(v, dict) for v in values):
        shared = [key for key in values[0] if all(key in v for v in values)]
        tree = {key: average([v[key] for v in values]) for key in shared}
        return {key: value for key, value in tree.items() if value is not None}
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return float(np.mean(values)) if numeric else None


def losses(folder: Path, how: str) -> Losses:
    """NLL per test row of the three arms of a run."""
    documents = [document_of(row) for row in read_rows(folder / "public" / "test.jsonl")[0]]
    arms = {arm: json.loads((folder / "evaluation" / f"{arm}-{how}.json").read_text())["nll"] for arm in ARMS}
    return Losses(**{arm: np.array(nll) for arm, nll in arms.items()}, documents=documents)


ARMS = ("mixed", "clues", "oracle")


def together(seeds: list[int], runs: Path) -> dict[str, Any]:
    """Shares over the rows of all seeds, with exact intervals, by the rules `conformal` and `fdr`."""
    scored = [read_scored(runs / str(seed)) for seed in seeds]
    clean = np.concatenate([s.clean for s in scored])
    settings = load_job(runs / str(seeds[0]) / "job.toml").selection
    rules = every_rule(settings, np.empty(0))
    return {
        "all_seeds": {
            rule: selection_shares(np.concatenate([keep_by(s, rules[rule]) for s in scored]), clean)
            for rule in ("conformal", "fdr")
        }
    }


def table(figures: dict[str, Any]) -> str:
    """The README's table: one line a figure, every seed and the mean."""
    seeds, mean = figures["seeds"], figures["mean"]
    head = f"| figure | {' | '.join(f'seed {s}' for s in seeds)} | mean |\n|---|{'---|' * (len(seeds) + 1)}"
    lines = [line(name, [find(m, path) for m in seeds.values()], find(mean, path)) for name, path in FIGURES]
    for how in HOWS:
        gap = mean["gap_closed"][how]
        values = [m["gap_closed"].get(how) for m in seeds.values()]
        lines.append(line(f"gap from mixed to Oracle closed, {how}", values, gap["closed"]))
    return "\n".join([head, *lines])


FIGURES = [
    ("selection: AUC", "selection.auc"),
    ("AUC, cut", "selection.kinds.cut.auc"),
    ("AUC, deletion", "selection.kinds.deletion.auc"),
    ("AUC, exchange", "selection.kinds.exchange.auc"),
    ("clean rows kept (`conformal`, α = 0.1)", "selection.recall"),
    ("precision", "selection.precision"),
    ("F1", "selection.f1"),
    ("good among the dropped (`fdr`, q = 0.1)", "selection.rules.fdr.good_among_dropped"),
    ("published score, best of four: AUC", "selection.published.auc"),
    ("published score, best of four: F1", "selection.published.f1"),
    ("clean rows of a source without anchors kept", "selection.unseen.kept_share"),
    *[(f"test NLL, {arm}, {how}", f"models.{arm}.{how}.test_nll") for arm in ("base", *ARMS) for how in HOWS],
    *[(f"right answer chosen, {arm}", f"models.{arm}.federated.choice_accuracy") for arm in ("base", *ARMS)],
]


def find(tree: Any, path: str) -> float | None:
    """The number at a dotted path, or None."""
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def line(name: str, values: list[float | None], mean: float | None) -> str:
    """One line of the table; a dash where there is no number."""
    shown = ["–" if v is None else f"{v:.3f}" for v in [*values, mean]]
    return f"| {name} | {' | '.join(shown)} |"


def put_into_readme(text: str) -> None:
    """Replace what stands between the README's two marks."""
    readme = README.read_text()
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()

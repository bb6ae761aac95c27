"""Which data sets a model can do: three passes over the clean rows, accuracy on the test, and the majority class."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np

from clues.config import ModelSettings
from clues.models.base import LanguageModel, load_base
from clues_research.labels.downstream import Bench
from clues_research.labels.options import majority
from clues_research.labels.questions import SETS
from clues_research.labels.worlds import Sizes, draw
from clues_research.places import RESULTS
from clues_research.selection.make import checkpoint

FILE = RESULTS / "labels" / "doable.csv"
FIELDS: tuple[str, ...] = (
    "model", "data", "seed", "rows", "test_rows", "classes", "majority", "trained", "trained_nll", "cpu_seconds"
)  # fmt: skip


def doable(
    model: str, names: tuple[str, ...] = (), /, *, data: Path, seed: int = 0, test_rows: int = 200
) -> None:  # fmt: skip
    """Append a line per data set (by default all) to research/results/labels/doable.csv; sets that have one are left
    alone.

    Args:
        test_rows: fewer than the study's 1,000 show well enough whether a model is above the majority class.
    """
    FILE.parent.mkdir(parents=True, exist_ok=True)
    if not FILE.exists():
        FILE.write_text(",".join(FIELDS) + "\n")
    with FILE.open() as lines:
        done = {(line["model"], line["data"], line["seed"]) for line in csv.DictReader(lines)}
    left = [name for name in names or tuple(SETS) if (model, name, str(seed)) not in done]
    if not left:
        return
    base = load_base(ModelSettings(name=checkpoint(model)))
    for name in left:
        line = _line(base, model, name, data, seed, test_rows)
        with FILE.open("a") as out:
            csv.DictWriter(out, FIELDS, lineterminator="\n").writerow(line)
        print(line, flush=True)


def _line(base: LanguageModel, model: str, name: str, data: Path, seed: int, test_rows: int) -> dict[str, object]:
    begun = time.process_time()
    world = draw(name, data, seed, Sizes(test=test_rows))
    bench = Bench(base, world, seed)
    trained = bench.arm(np.ones(len(world.client.rows), bool), "together")
    bench.close()
    return {
        "model": model,
        "data": name,
        "seed": seed,
        "rows": len(world.client.rows),
        "test_rows": len(world.test.rows),
        "classes": len(world.classes or world.client.options[0]),
        "majority": round(majority(world.client, world.test), 4),
        "trained": round(trained["accuracy"], 4),
        "trained_nll": round(trained["nll"], 4),
        "cpu_seconds": round(time.process_time() - begun),
    }

"""Figure 1: training and validation loss against steps, for shares of bad data from 0 to 100 %."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from experiments.reproduction.artefact import Artefact
from experiments.reproduction.charts import curves
from experiments.reproduction.claims import Finding
from experiments.reproduction.results import Results
from experiments.reproduction.worlds import SEEDS, SHARES

ARM = "mixed-federated"
CLAIM = "bad data raises the loss"


def make(results: Results) -> Artefact:
    """One line per share, seed and round."""
    lines = list(_lines(results))
    means = _means(lines)
    titles = "local steps of each client", "validation loss (nats per token)"
    chart = curves(means, "step", "validation_nll", "share", titles) if means else None
    title = "Figure 1: loss against steps, for shares of bad data"
    notes = ("Validation loss: the public validation rows, which are clean; the mean over seeds is drawn.",)
    return Artefact("figure1", title, lines, list(_findings(lines)), chart, notes)


def _lines(results: Results) -> Iterator[dict[str, Any]]:
    for share in SHARES:
        world = f"medquad-{share}"
        steps = results.worlds[world].training.local_steps
        for seed in SEEDS:
            for entry in (results.arm(world, seed, ARM) or {}).get("losses", ()):
                yield {
                    "share": f"{share} %",
                    "seed": seed,
                    "step": entry["round"] * steps,
                    "train_loss": entry.get("train_loss"),
                    "validation_nll": entry["validation_nll"],
                }


def _means(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places: dict[tuple[str, int], list[float]] = {}
    for line in lines:
        places.setdefault((line["share"], line["step"]), []).append(line["validation_nll"])
    return [{"share": share, "step": step, "validation_nll": float(np.mean(v))} for (share, step), v in places.items()]


def _findings(lines: list[dict[str, Any]]) -> Iterator[Finding]:
    """Differences to no bad data of the same seed; the interval is over seeds (Student's t), of which it takes two."""
    from scipy.stats import t

    last = max((line["step"] for line in lines), default=0)
    at = {(line["share"], line["seed"]): line["validation_nll"] for line in lines if line["step"] == last}
    for share in SHARES[1:]:
        seeds = [seed for seed in SEEDS if (f"{share} %", seed) in at and ("0 %", seed) in at]
        values = np.array([at[f"{share} %", seed] - at["0 %", seed] for seed in seeds])
        if len(values) < 2:
            continue
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        low, high = float(values.mean() - half), float(values.mean() + half)
        yield Finding(CLAIM, "", f"{share} %", float(values.mean()), low, high, len(values), tuple(seeds))

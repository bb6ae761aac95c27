"""Figure 1: training and validation loss against steps, for shares of bad data from 0 to 100 %."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from clues_research.reproduction.artefact import Artefact
from clues_research.reproduction.charts import curves, side_by_side
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import over_seeds
from clues_research.reproduction.results import Results
from clues_research.reproduction.worlds import SEEDS, SHARES

ARM = "mixed-federated"
CLAIM = "bad data raises the loss"


def make(results: Results) -> Artefact:
    """One line per share, seed and round."""
    lines = list(_lines(results))
    title = "Figure 1: loss against steps, for shares of bad data"
    notes = (
        "Left: the training loss, on all of the clients' rows, spoiled ones too. Right: the loss on the public "
        "validation rows, which are clean. Drawn are means over the seeds that have all shares. slope: nats per token "
        "for every tenth of the rows that is bad.",
    )
    return Artefact("figure1", title, lines, list(_findings(lines)), _chart(lines), notes)


def _chart(lines: list[dict[str, Any]]):
    panels = (("train_loss", "training loss (nats per token)"), ("validation_nll", "validation loss (nats per token)"))
    drawn = [(name, title, means) for name, title in panels if (means := _means(lines, name))]
    steps = "local steps of each client"
    made = [curves(means, "step", name, "share", (steps, title)) for name, title, means in drawn]
    return side_by_side(made) if made else None


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


def _means(lines: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Over the seeds that every share has, so that lines differ by the share alone."""
    there = {(line["share"], line["seed"]) for line in lines}
    every = [seed for seed in SEEDS if all((line["share"], seed) in there for line in lines)]
    places: dict[tuple[str, int], list[float]] = {}
    for line in lines:
        if line[name] is not None and line["seed"] in every:
            places.setdefault((line["share"], line["step"]), []).append(line[name])
    return [{"share": share, "step": step, name: float(np.mean(v))} for (share, step), v in places.items()]


def _findings(lines: list[dict[str, Any]]) -> Iterator[Finding]:
    """At the last step: differences to no bad data of the same seed, and the slope over shares from the least on."""
    last = max((line["step"] for line in lines), default=0)
    at = {(line["share"], line["seed"]): line["validation_nll"] for line in lines if line["step"] == last}
    for share in SHARES[1:]:
        both = [seed for seed in SEEDS if (f"{share} %", seed) in at and ("0 %", seed) in at]
        if both:
            rises = {seed: at[f"{share} %", seed] - at["0 %", seed] for seed in both}
            yield Finding(CLAIM, "", f"{share} % − 0 %", over_seeds(rises), "nats")
    some = [share for share in SHARES[1:] if all((f"{share} %", seed) in at for seed in SEEDS)]
    if len(some) > 1:
        losses = {seed: [at[f"{share} %", seed] for share in some] for seed in SEEDS}
        slopes = {seed: 10 * float(np.polyfit(some, own, 1)[0]) for seed, own in losses.items()}
        yield Finding(CLAIM, "", f"slope from {some[0]} to {some[-1]} %", over_seeds(slopes), "nats")

"""`labels` and `labels-downstream`: one world, its table, and its arms. What is there already is left alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clues.config import ModelSettings
from clues.disk.writing import write_json
from clues.models.base import LanguageModel, load_base
from clues_research.labels.downstream import ARMS, Bench, Way, arms
from clues_research.labels.noise import Where, noisy
from clues_research.labels.options import option_logits
from clues_research.labels.tables import WARM_UP, LabelTable, TableMaker
from clues_research.labels.worlds import Sizes, World, draw
from clues_research.places import RESULTS
from clues_research.selection.make import TOKEN_BUDGET, checkpoint, claimed, device
from clues_research.selection.tables import WarmUp, write

RESULTS_OF_LABELS = RESULTS / "labels"
LONGEST = 1024


@dataclass(frozen=True)
class Planned:
    """One noisy world under one model."""

    model: str
    data: str
    noise: str
    share: int
    """Percent of all client rows."""
    where: Where
    seed: int

    @property
    def name(self) -> str:
        """Its files' stem."""
        return f"{self.model}-{self.data}-{self.noise}-{self.share}-{self.where}-{self.seed}"

    @property
    def about(self) -> dict[str, Any]:
        """As columns of a CSV file."""
        return {**vars(self)}

    def table(self, results: Path) -> Path:
        """Where its table is kept."""
        return results / "tables" / f"{self.name}.parquet"

    def arms(self, results: Path, way: Way) -> Path:
        """Where its arms are kept."""
        return results / "arms" / f"{self.name}-{way}.json"

    def world(self, base: LanguageModel, data: Path, sizes: Sizes | None = None) -> World:
        """The world with its noise; what is hard for the base is asked of it where the noise goes by it."""
        clean = draw(self.data, data, self.seed, sizes)
        hard = option_logits(base, clean.client, every=True) if self.noise == "hardest" else None
        return clean.with_clients(noisy(clean.client, self.noise, self.share / 100, self.where, self.seed, hard))


def labels(
    model: str, data_set: str, noise: str, share: int, where: Where, seed: int, /, *, data: Path,
    runs: Path = Path("runs"),
) -> None:  # fmt: skip
    """Make one table of the labels' study.

    Args:
        model: smollm2 or gemma3. data_set: of labels/questions.py. noise: of labels/noise.py, or none.
        share: percent of all client rows. where: spread, or one client. seed: of rows, noise and training.
        data: the folder that research/DATA.md describes. runs: a folder for what is under way.
    """
    make(Planned(model, data_set, noise, share, where, seed), data, runs)


def labels_downstream(
    model: str, data_set: str, noise: str, share: int, where: Where, seed: int, /, *, data: Path,
    way: Way = "federated", runs: Path = Path("runs"),
) -> None:  # fmt: skip
    """Train and measure the arms of one world, whose table is made first; arguments as those of `labels`."""
    planned = Planned(model, data_set, noise, share, where, seed)
    make(planned, data, runs)
    make_arms(planned, data, way)


def loaded(planned: Planned) -> LanguageModel:
    """The base model."""
    return load_base(ModelSettings(name=checkpoint(planned.model), max_length=LONGEST, token_budget=TOKEN_BUDGET))


def make(
    planned: Planned, data: Path, runs: Path, *, base: LanguageModel | None = None, results: Path = RESULTS_OF_LABELS,
    warm_up: WarmUp = WARM_UP, sizes: Sizes | None = None,
) -> None:  # fmt: skip
    """The table, unless it is there or another process is at it."""
    folder, file = runs / "labels" / planned.name, planned.table(results)
    with claimed(folder) as mine:
        if not mine or file.exists():
            return
        begun = time.monotonic()
        base = base or loaded(planned)
        world = planned.world(base, data, sizes)
        table = TableMaker(base, world, planned.seed, folder, warm_up).make()
        facts = {**planned.about, "classes": world.classes, "steps": warm_up.steps, "device": device()}
        write(table, file, facts)
        print(f"{planned.name}: {table.num_rows} lines, {(time.monotonic() - begun) / 60:.1f} min", flush=True)


def make_arms(
    planned: Planned, data: Path, way: Way, names: tuple[str, ...] = ARMS, *, base: LanguageModel | None = None,
    results: Path = RESULTS_OF_LABELS, warm_up: WarmUp = WARM_UP, sizes: Sizes | None = None,
) -> None:  # fmt: skip
    """The arms, unless their file is there."""
    file = planned.arms(results, way)
    if file.exists():
        return
    base = base or loaded(planned)
    table = LabelTable.load(planned.table(results)) if planned.table(results).exists() else None
    bench = Bench(base, planned.world(base, data, sizes), planned.seed, warm_up)
    found = arms(bench, table, way, names)
    bench.close()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json({**planned.about, "way": way, "arms": found}, file)

"""Which arms are trained, and from which tables rows are chosen for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clues_research.reproduction.selections import CLUES, MIXED, ORACLE, PUBLISHED, TRAINED
from clues_research.reproduction.tables import Planned
from clues_research.reproduction.worlds import SEEDS, SHARES, World

BASE, FEDERATED, ALONE = "base", "federated", "alone"
FINAL = (BASE, MIXED, ORACLE, PUBLISHED, CLUES)
"""Models whose adapters are kept, to be asked for knowledge and answers."""
MERGES = ("ties", "linear")
"""The paper's main way and its ablation."""
LOCAL = "local"
"""Clients that train alone and share nothing: the mean over their own models."""


@dataclass(frozen=True)
class Job:
    """One training of all clients. `alone` gives several arms: the same adapters are merged in several ways."""

    world: World
    seed: int
    method: str
    way: str

    @property
    def folder(self) -> str:
        """Of its world and seed."""
        return f"{self.world.name}-{self.seed}"

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms it gives, `<method>-<how>`."""
        hows = (self.way,) if self.way != ALONE else (*MERGES, LOCAL) if self.method in FINAL else MERGES[:1]
        return (BASE,) if self.method == BASE else tuple(f"{self.method}-{how}" for how in hows)

    @property
    def name(self) -> str:
        """`<world>-<seed>/<method>-<way>`"""
        return f"{self.folder}/{self.method}-{self.way}"

    @property
    def tables(self) -> list[Planned]:
        """What says which rows are kept: none where all are, or where labels say it."""
        if self.method in (BASE, MIXED, ORACLE):
            return []
        clients = self.world.mixture.sources if self.way == ALONE else ("",)
        return [Planned(self.world, self.seed, client) for client in clients]


def jobs(made: Mapping[str, World], seeds: Sequence[int] = SEEDS) -> Iterator[Job]:
    """All jobs, those of the paper's tables first."""
    for seed in seeds:
        for name in ("medquad-40", "casimedicos"):
            yield from (Job(made[name], seed, method, FEDERATED) for method in (BASE, *TRAINED))
        yield from (Job(made["casimedicos"], seed, method, ALONE) for method in TRAINED)
    for seed in seeds:
        for share in (20, 50, 80):
            world = made[f"medquad-{share}"]
            yield from (Job(world, seed, method, FEDERATED) for method in (MIXED, PUBLISHED, CLUES))
        yield from (Job(made[f"medquad-{share}"], seed, MIXED, FEDERATED) for share in (0, 60, 100))
        yield Job(made["medquad-80"], seed, ORACLE, FEDERATED)  # tells few good rows from a bad selection
    yield from (_gemma(made, seeds[0]))


def _gemma(made: Mapping[str, World], seed: int) -> Iterator[Job]:
    """The second model: Figure 2's shares and Table 5, one seed."""
    forty = made["gemma-medquad-40"]
    yield from (Job(forty, seed, method, FEDERATED) for method in FINAL)
    yield from (Job(made[f"gemma-medquad-{share}"], seed, MIXED, FEDERATED) for share in (0, 20, 60))


def needed(artefact: str, made: Mapping[str, World]) -> tuple[list[Job], list[Planned]]:
    """The jobs and the tables that one table or figure is read from, in the plan's order."""
    methods, names, ways = READ[artefact]
    listed = [job for job in jobs(made) if job.world.name in names and job.way in ways and job.method in methods]
    tables = {planned.name: planned for job in listed for planned in job.tables}
    if artefact in WITHOUT_ARMS:
        worlds_ = [made[name] for name in WITHOUT_ARMS[artefact]]
        tables |= {planned.name: planned for world in worlds_ for seed in SEEDS for planned in [Planned(world, seed)]}
    return listed, list(tables.values())


_SELECTED = (MIXED, PUBLISHED, CLUES)
_GEMMA = "gemma-medquad-"
READ: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    "figure1": ((MIXED,), [f"medquad-{share}" for share in SHARES], (FEDERATED,)),
    "figure2": ((MIXED,), [f"{p}{s}" for p in ("medquad-", _GEMMA) for s in (0, 20, 40, 60)], (FEDERATED,)),
    "figure4": ((ORACLE, *_SELECTED), [f"medquad-{share}" for share in (20, 40, 50, 80)], (FEDERATED,)),
    "figure5": ((ORACLE, *_SELECTED), ("casimedicos",), (ALONE,)),
    "table1": ((BASE, *TRAINED), ("medquad-40",), (FEDERATED,)),
    "table2": ((BASE, *TRAINED), ("casimedicos",), (FEDERATED, ALONE)),
    "table3": ((), (), ()),
    "table5": (FINAL, ("medquad-40", f"{_GEMMA}40"), (FEDERATED,)),
    "table6": ((), (), ()),
    "table8": (FINAL, ("medquad-40",), (FEDERATED,)),
}
"""Artefact -> methods, worlds and ways of the arms that it reads."""
WITHOUT_ARMS = {
    "table3": ("fiqa", "medquad-40"),
    "table6": ("medquad-40",),
    "figure4": ("medquad-20", "medquad-40", "medquad-50", "medquad-80"),
    "figure5": ("medquad-40", "casimedicos", "fiqa"),
}
"""Worlds whose tables are read for themselves."""
WRITTEN = ("table1", "table2", "table5", "table8")
"""Artefacts that read what final models wrote or knew."""

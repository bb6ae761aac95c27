"""Which rows the committed tables are about, by hash, for they hold no text.

Every mixture of the study and of the reproduction is drawn anew, and the demo's sample, and its rows are compared with
`fingerprints.json`. Where they differ, a committed table is about rows that clues no longer draws: undo the change of
the draw or of the damage, or make the tables anew and then write the file. Without pools the parts that come from data
that are not packaged are left out.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from clues.config import Job
from clues.config.reading import load_job
from clues.data.rows import Row
from clues.data.sample import draw_sample
from clues.disk.writing import write_json
from clues.errors import UsageError
from clues.evaluation.labels import LABEL
from clues_research.figures import JOB
from clues_research.places import RESULTS
from clues_research.reproduction.worlds import SEEDS, worlds
from clues_research.selection.mixtures import Mixed, Mixture, draw
from clues_research.selection.plan import plan

FILE = RESULTS / "fingerprints.json"
PACKAGED = "packaged"
PUBLIC = ("validation", "anchors", "test", "negatives", "unseen")
REPORTED = (104, 105)
"""Seeds of docs/figures/main.json."""
DIGITS = 8
"""Hexadecimal, of a part's hash: rows do not collide on purpose."""

Parts = dict[str, str]
"""A part of a mixture, as `client GHR` or `spoiled cut`, and the hash of its rows with their kinds, in their order."""


@dataclass(frozen=True)
class Drawn:
    """One draw that committed files rest on."""

    name: str
    """Of its tables and arms."""
    mixture: Mixture
    seed: int

    @property
    def shipped(self) -> Drawn:
        """Without the clients whose rows are not packaged; those that are stay as they were."""
        return replace(self, mixture=replace(self.mixture, other_domain="", labelled=""))

    def mixed(self) -> Mixed:
        """Its rows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # rows that could not be spoiled as drawn
            return draw(self.mixture, self.seed)


def draws(pools: Path) -> Iterator[Drawn]:
    """All of them, each once: several tables are made of the same rows."""
    for planned in plan(pools):
        yield Drawn(planned.name, planned.mixture, planned.seed)
    for world in worlds(pools).values():
        yield from (Drawn(f"reproduction-{world.name}-{seed}", world.mixture, seed) for seed in SEEDS)


def fingerprints(mixed: Mixed) -> Parts:
    """Hashes of a mixture's parts, of a client's rows each, and of the test rows and their wrong answers."""
    parts: Parts = {}
    for part in mixed.parts:
        name = f"spoiled {part.client[0]}" if part.role == "spoiled" else part.role
        parts[f"client {part.client[0]}" if part.role == "client" else name] = _hash(part.rows, part.kind)
    return parts | {"test": _hash(mixed.test), "negatives": _hash(mixed.negatives)}


def jobs() -> Iterator[Job]:
    """The jobs of committed numbers that draw a sample: the demo's, and the figures' on the seeds reported."""
    yield load_job(Path(str(files("clues.packaged").joinpath("demo.toml"))))
    figures = load_job(JOB)
    yield from (replace(figures, seed=seed) for seed in REPORTED)


def of_job(job: Job) -> Parts:
    """Hashes of a job's sample, of a client's rows each."""
    sample = draw_sample(job.sample, job.seed)
    kinds = {name: [str(row.record[LABEL]) for row in rows] for name, rows in sample.clients.items()}
    clients = {f"client {name}": _hash(rows, kinds[name]) for name, rows in sample.clients.items()}
    return clients | {name: _hash(getattr(sample, name)) for name in PUBLIC}


def _hash(rows: Sequence[Row], kinds: Sequence[str] = ()) -> str:
    content = json.dumps([[row.content_hash for row in rows], list(kinds)])
    return sha256(content.encode()).hexdigest()[:DIGITS]


def changed(drawn: Mapping[str, Parts], known: Mapping[str, Parts]) -> list[str]:
    """`<draw>: <part>` of every part whose rows are others than they were, or that is new."""
    return [
        f"{name}: {part}"
        for name, parts in drawn.items()
        for part, made in parts.items()
        if known.get(name, {}).get(part) != made
    ]


def check_rows(*, pools: Path | None = None, write: bool = False) -> int:
    """Compare today's rows with those of the committed tables.

    Parameters
    ----------
    pools
        Folder that `pools` wrote.
    write
        Take today's rows for those of the tables; needs pools, for the file speaks of all rows.
    """
    if write and not pools:
        raise UsageError("--write needs --pools: the file speaks of all rows")
    everything = list(draws(pools or Path("pools")))
    usable = everything if pools else [d.shipped for d in everything if d.mixture.pool == PACKAGED]
    found = {f"{job.name}-{job.seed}": of_job(job) for job in jobs()} | {
        drawn.name: fingerprints(drawn.mixed()) for drawn in usable
    }
    if write:
        write_json(found, FILE)
        return 0
    different = changed(found, json.loads(FILE.read_text()))
    for name in different:
        print(f"{name}: other rows than those of the committed tables")
    return 1 if different else 0

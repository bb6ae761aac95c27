"""The scored rows of a run, all clients together, with what is known about their quality.

Only where one machine holds every client's folder, as in the demo: in a deployment nobody can read this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clues.data.files.reading import read_rows
from clues.errors import ScoresError
from clues.evaluation.labels import is_good, kind
from clues.folders.owner import OwnerFolder
from clues.folders.run import RunFolder
from clues.folders.scores import Scores


@dataclass(frozen=True)
class Scored:
    """Parallel arrays over the N scored rows."""

    client: NDArray[np.str_]
    kind: NDArray[np.str_]
    """`clean` or the kind of edit."""
    keep: NDArray[np.bool_]
    p: NDArray[np.float64]
    statistic: NDArray[np.float64]
    """Finer than `p`, which moves in steps of 1 / (anchors + 1): ranks are taken from it."""
    channels: dict[str, NDArray[np.float64]]
    """NaN where a channel has no verdict on a row, as completeness on a truncated one."""
    not_scored: int = 0
    """Rows of the clients that have no score (duplicates, set aside) and are not among the N."""

    @property
    def clean(self) -> NDArray[np.bool_]:
        """[N] good: rows left as they were, and those whose edit leaves an answer good."""
        return np.array([is_good(kind) for kind in self.kind.tolist()], bool)


def read_scored(run: RunFolder) -> Scored:
    """Read the scores of all clients in a run's folder, clients in the order of their names.

    Raises ScoresError without any client's scores, or for some that do not belong to the data beside them or are not
    numbers, and MissingLabelError for a row of unknown quality.
    """
    clients = run.clients()
    if not clients:
        raise ScoresError(f"{run.path}: no clients/<name>/scores.parquet; selection is measured after scoring")
    scores = [client.scores.read() for client in clients]
    if not sum(map(len, scores)):
        aside = sum(len(each.set_aside) for each in scores)
        raise ScoresError(f"{run.path}: none of {aside} rows was scored; see set_aside.jsonl in the clients' folders")
    both = list(zip(clients, scores, strict=True))
    names = dict.fromkeys(name for own in scores for name in own.channels)
    return Scored(
        client=np.array([client.path.name for client, own in both for _ in own.ids], str),
        kind=np.array([kind for client, own in both for kind in _kinds(client, own)], str),
        keep=np.concatenate([own.keep for own in scores]),
        p=np.concatenate([_filled(client, own, "p") for client, own in both]),
        statistic=np.concatenate([_filled(client, own, "statistic") for client, own in both]),
        channels={name: np.concatenate([_numbers(own, name) for own in scores]) for name in names},
        not_scored=sum(len(own.set_aside) for own in scores),
    )


def _kinds(client: OwnerFolder, scores: Scores) -> list[str]:
    """What was done to each scored row."""
    rows = {row.id: row for row in read_rows(client.data)[0]}
    if missing := [identity for identity in scores.ids if identity not in rows]:
        raise ScoresError(f"{client.scores.path}: row {missing[0]} is not in {client.data}: score the file again")
    return [kind(rows[identity]) for identity in scores.ids]


def _numbers(scores: Scores, name: str) -> NDArray[np.float64]:
    """[N]; NaN where the client's rows have no such channel."""
    return np.asarray(scores.columns.get(name, np.full(len(scores), np.nan)), np.float64)


def _filled(client: OwnerFolder, scores: Scores, name: str) -> NDArray[np.float64]:
    """A column every scored row has a number in."""
    values = _numbers(scores, name)
    if np.isnan(values).any():
        row = scores.ids[int(np.argmax(np.isnan(values)))]
        raise ScoresError(f"{client.path}: row {row} is scored but has no `{name}`")
    return values

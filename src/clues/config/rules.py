"""What must hold between settings. Each function raises ValueError with the settings, their values and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clues.config import Job, SampleSettings, ScoringSettings


def check_sample(sample: SampleSettings) -> None:
    """An answer can have the length that is asked for, and no two sources become one client."""
    if sample.min_tokens > sample.max_tokens:
        raise ValueError(
            f"sample.min_tokens is {sample.min_tokens} and sample.max_tokens {sample.max_tokens}: "
            "no answer has such a length"
        )
    if twice := _twice(source.lower() for source in (*sample.clients, sample.unseen_source)):
        raise ValueError(
            f"sample.clients is {list(sample.clients)} and sample.unseen_source {sample.unseen_source!r}: "
            f"{twice!r}, in lower case the name of a client, stands there twice"
        )


def check_scoring(scoring: ScoringSettings) -> None:
    """A domain is one of those that a field names."""
    if scoring.own_domain and not scoring.domain_field:
        raise ValueError(
            f"scoring.own_domain is {scoring.own_domain!r} and scoring.domain_field is empty: name the field of the "
            "public validation rows that holds their domain"
        )


def check_job(job: Job) -> None:
    """Every checkpoint is reached, every client is one of its own, and there is one way to find their rows."""
    _check_checkpoints(job)
    _check_clients(job)
    if twice := _twice(client.name for client in job.clients):
        raise ValueError(f"two clients have one name, {twice!r}: give each its own")
    if job.clients and job.sample.clients:
        raise ValueError(
            "sample.clients and [[clients]] are both given: draw the clients from a pool or name their files"
        )
    for client in job.clients:
        if client.domain and not job.scoring.domain_field:
            raise ValueError(
                f"the client {client.name} is of the domain {client.domain!r} and scoring.domain_field is empty: name "
                "the field of the public validation rows that holds their domain"
            )


ROBUST_NEEDS = {"none": 1, "median": 3, "trimmed-mean": 3, "krum": 5}
"""Fewest clients of an average that withstands one liar: a middle needs three, Krum 2f + 3 for f liars."""


def least_clients(job: Job) -> int:
    """Fewest clients that the run begins with, and that a step goes on with."""
    return job.collaboration.least_clients or -(-_clients(job) // 2)


def _clients(job: Job) -> int:
    return len(job.clients or job.sample.clients)


def _check_clients(job: Job) -> None:
    """A robust average has the clients that it needs, and a run those that it may begin with."""
    number, asked = _clients(job), job.collaboration.least_clients
    needs = ROBUST_NEEDS[job.collaboration.robust]
    if number and needs > number:
        raise ValueError(
            f'collaboration.robust is "{job.collaboration.robust}", which needs {needs} clients; the job has {number}'
        )
    if number and asked > number:
        raise ValueError(f"collaboration.least_clients is {asked}, and the job has {number} clients")


def _check_checkpoints(job: Job) -> None:
    """A checkpoint that no round ends at would never score a row, and its channels would be missing."""
    checkpoints, rounds = job.scoring.checkpoints, job.training.rounds
    if job.scoring.channels == "full" and checkpoints[-1] > rounds:
        raise ValueError(
            f"scoring.checkpoints is {list(checkpoints)} and training.rounds {rounds}: the checkpoint "
            f"{checkpoints[-1]} is never reached; train more rounds, name checkpoints of 1 to {rounds}, or score "
            'without training by scoring.channels = "forward"'
        )


def _twice(names: Iterable[str]) -> str:
    """The first name that is there more than once; empty names do not count."""
    return next((name for name, count in Counter(names).items() if name and count > 1), "")

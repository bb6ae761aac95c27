"""Table 2: MMedBench, a language per client, federated and merged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from experiments.reproduction.artefact import (
    OTHERS,
    SHARE_NOTE,
    SHOWN,
    WHOSE,
    Artefact,
    gains,
    method_lines,
    seeds_of,
    shares_of_oracle,
)
from experiments.reproduction.claims import Finding
from experiments.reproduction.estimates import RESAMPLES, from_resamples
from experiments.reproduction.order import order, sharing
from experiments.reproduction.plan import FEDERATED, LOCAL
from experiments.reproduction.results import Results, arm_name
from experiments.reproduction.selections import MIXED

from clues.evaluation.bootstrap import resampled_means

WORLD = "casimedicos"
TIES = "ties"


def make(results: Results) -> Artefact:
    """Both ways of collaborating, and clients that train alone and share nothing."""
    lines = [line for how in (FEDERATED, TIES, LOCAL) for line in method_lines(results, WORLD, how)]
    findings = [
        *gains(results, "languages, federated: better than mixed", WORLD, FEDERATED, (MIXED,)),
        *gains(results, "languages, merging: better than mixed", WORLD, TIES, (MIXED,)),
        *gains(results, "languages: better than other selections", WORLD, FEDERATED, OTHERS, FEDERATED),
        *gains(results, "languages: better than other selections", WORLD, TIES, OTHERS, TIES),
        *shares_of_oracle(results, "languages, federated: 96 % of Oracle", WORLD, FEDERATED),
        *shares_of_oracle(results, "languages, merging: 91 % of Oracle", WORLD, TIES),
        *_relative(results),
        *(step for how in (FEDERATED, TIES, LOCAL) for step in order(results, WORLD, how)),
        *sharing(results, WORLD, (FEDERATED, TIES)),
    ]
    shown = ("how", "method", *(name for name in SHOWN if name != "chosen"), "precision", "recall")
    return Artefact(
        "table2", "Table 2: CasiMedicos, a language per client", lines, findings, None, (SHARE_NOTE,), shown
    )


def _relative(results: Results) -> Iterator[Finding]:
    """ROUGE-L over that of mixed, minus 1, of all seeds' answers together."""
    for how in (FEDERATED, TIES):
        for whose in WHOSE:
            found = seeds_of(results, WORLD, arm_name(whose, how), arm_name(MIXED, how), measure="rouge_l")
            if not found:
                continue
            pairs = np.concatenate([np.stack([own[0][0], own[1][0]], axis=1) for _, own in found])
            documents = [f"{seed}/{d}" for seed, own in found for d in own[0][1]]
            means = np.concatenate([pairs.mean(0)[None], resampled_means(pairs, documents, RESAMPLES)])
            made = from_resamples(means[:, 0] / means[:, 1] - 1, len(pairs))
            seeds = tuple(seed for seed, _ in found)
            yield Finding(
                "67.3 % better than mixed", whose, how, made.value, made.low, made.high, made.n, seeds, "share"
            )

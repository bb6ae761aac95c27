"""Table 2: MMedBench, a language per client, federated and merged."""

from __future__ import annotations

from collections.abc import Iterator

from clues_research.reproduction.artefact import (
    KEPT,
    OTHERS,
    SHOWN,
    WHOSE,
    Artefact,
    gains,
    mean,
    method_lines,
    shares_of_oracle,
)
from clues_research.reproduction.charts import gain_chart
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import over_seeds
from clues_research.reproduction.order import order, sharing
from clues_research.reproduction.plan import FEDERATED, LOCAL
from clues_research.reproduction.results import Results, arm_name
from clues_research.reproduction.selections import MIXED

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
    notes = ("ROUGE-L: the first seed's federated and TIES-merged models on the first 24 test prompts.",)
    shown = (("how", "method", "seeds", *SHOWN, *KEPT),)
    title = "Table 2: CasiMedicos, a language per client"
    return Artefact("table2", title, lines, findings, gain_chart(lines, "method", "how"), notes, shown)


def _relative(results: Results) -> Iterator[Finding]:
    """ROUGE-L over that of mixed, minus 1."""
    for how in (FEDERATED, TIES):
        mixed = mean(results, WORLD, arm_name(MIXED, how), "rouge_l")
        for whose in WHOSE if mixed else ():
            own = mean(results, WORLD, arm_name(whose, how), "rouge_l")
            if own and mixed:
                found = over_seeds(
                    {
                        seed: value / mixed.per_seed[seed] - 1
                        for seed, value in own.per_seed.items()
                        if seed in mixed.per_seed
                    }
                )
                yield Finding("67.3 % better than mixed", whose, how, found, "share")

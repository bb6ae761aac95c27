"""Which tables the study is made of, in the order in which they are made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from experiments.selection.mixtures import Mixture
from experiments.selection.tables import WarmUp

CHOOSE = (0, 1, 2)
"""Seeds on which everything is chosen."""
REPORT = (201, 202, 203)
"""Seeds that are looked at once, after the protocol is fixed (PROTOCOL.md)."""


@dataclass(frozen=True)
class Planned:
    """One table."""

    model: str
    data: str
    mix: str
    seed: int
    mixture: Mixture
    warm_up: WarmUp = field(default_factory=WarmUp)

    @property
    def name(self) -> str:
        """Its file's stem."""
        return f"{self.model}-{self.data}-{self.mix}-{self.seed}"


LONG = WarmUp(steps=(16, 32, 64))
"""One and a half passes: what is seen of rows that were learnt by heart."""
SHARES = {"half": 0.5, "none": 0.0, "fifth": 0.2, "most": 0.8}


def plan(pools: Path) -> list[Planned]:
    """All tables; `pools` holds what pools.py wrote."""
    medquad = Mixture(other_domain=str(pools / "finance_other.jsonl"))

    def table(mix: str, seed: int) -> Planned:
        return Planned("smollm2", "medquad", mix, seed, replace(medquad, share=SHARES[mix]))

    tables = [replace(table("half", seed), warm_up=LONG if seed in CHOOSE[:2] else WarmUp()) for seed in CHOOSE]
    tables += [table("half", seed) for seed in REPORT]
    tables += [table(mix, seed) for seed in (CHOOSE[0], REPORT[0], *REPORT[1:]) for mix in ("none", "fifth", "most")]
    return tables

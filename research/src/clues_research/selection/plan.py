"""Which tables the study is made of, in the order in which they are made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from clues_research.selection.mixtures import Mixture
from clues_research.selection.tables import WarmUp

SMOLLM2, GEMMA3 = "smollm2", "gemma3"
CHOOSE = (0, 1, 2, 201, 202, 203, 204, 205, 206)
"""Seeds on which everything is chosen; the last six were reported once, and then became choosing seeds."""
REPORT = (301, 302, 303, 304, 305, 306)
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

    @property
    def whole(self) -> bool:
        """Whether all its columns are committed: later work chooses on these tables."""
        return self.model == GEMMA3 or (self.data, self.mix) == ("medquad", "half")


BOTH = WarmUp(steps=(16, 32))
"""Two thirds of a pass: other scorers are given both checkpoints."""
LONG = WarmUp(steps=(16, 32, 64))
"""One and a half passes: what is seen of rows that were learnt by heart."""
ALL_LINEAR = WarmUp(target_modules=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"))
SHARES = {"half": 0.5, "none": 0.0, "fifth": 0.2, "most": 0.8}
DIRTY = {"dirty5": 0.05, "dirty20": 0.2}
CHANGED = (*DIRTY, "linear")
"""Mixes that are compared with the plain ones of the same seeds."""


def plan(pools: Path) -> list[Planned]:
    """All tables; `pools` holds what pools.py wrote."""
    medquad = Mixture(other_domain=str(pools / "finance_other.jsonl"))
    alone = replace(medquad, other_domain="", unseen_source="", unseen_rows=0, bad_rows=0, typo_rows=0)

    def table(mix: str, seed: int, mixture: Mixture, data: str = "medquad", warm_up: WarmUp | None = None) -> Planned:
        return Planned(SMOLLM2, data, mix, seed, mixture, warm_up or (BOTH if mix in ("half", "labels") else WarmUp()))

    half = [table("half", seed, medquad, warm_up=LONG if seed == CHOOSE[0] else None) for seed in CHOOSE]
    half += [table("half", seed, medquad) for seed in REPORT]
    others = [
        table("half", seed, mixture, data) for seed in REPORT[:3] for data, mixture in _other_data(alone, pools).items()
    ]
    labels = [
        table("labels", seed, replace(mixture, labelled_half=turn), data)
        for turn, seed in enumerate((CHOOSE[0], REPORT[0]))
        for data, mixture in _labelled(alone, pools).items()
    ]
    shares = [
        table(mix, seed, replace(alone, share=SHARES[mix])) for seed in REPORT[:3] for mix in ("none", "fifth", "most")
    ]
    changed = [
        *(
            table(mix, seed, replace(alone, dirty_validation=share))
            for seed in CHOOSE[:3]
            for mix, share in DIRTY.items()
        ),
        table("linear", CHOOSE[0], alone, warm_up=ALL_LINEAR),
    ]
    others.append(Planned(GEMMA3, "medquad", "half", REPORT[0], alone, BOTH))
    return [*half, *others, *labels, *shares, *changed]


def _other_data(alone: Mixture, pools: Path) -> dict[str, Mixture]:
    """Two or four clients, half of their rows spoiled. Prompts are long there, so rows are fewer."""
    few = replace(alone, rows_per_client=48, validation_rows=32, anchor_rows=96, heldback_rows=24)
    return {
        "finance": replace(
            few, pool=str(pools / "finance.jsonl"), sources=("tatqa-us", "calls"), tokens=(8, 250)
        ),
        "pubmedqa": replace(few, pool=str(pools / "pubmedqa.jsonl"), sources=("yes", "no"), tokens=(15, 110)),
        "casimedicos": replace(
            few, pool=str(pools / "casimedicos_apart.jsonl"), sources=("en", "es", "fr", "it"), tokens=(20, 250),
            rows_per_client=30,
        ),
    }  # fmt: skip


def _labelled(alone: Mixture, pools: Path) -> dict[str, Mixture]:
    """One client's rows are judged by people, the others' are clean; the public rows are good ones of the same data."""
    clean = replace(alone, share=0.0, heldback_rows=0)
    return {
        "judged": replace(
            clean, labelled=str(pools / "judged.jsonl"), rows_per_client=15, validation_rows=32, anchor_rows=96,
            tokens=(30, 130),
        ),
        "calls": replace(
            clean, pool=str(pools / "calls.jsonl"), sources=("2007-2010", "2011-2013", "2014-2016", "2017-2021"),
            labelled=str(pools / "subjective.jsonl"), rows_per_client=4, validation_rows=16, anchor_rows=48,
            tokens=(20, 250),
        ),
    }  # fmt: skip

"""The paper's three set-ups in miniature: whose rows, how spoiled, and how they train together.

The sizes are chosen for two cores: 24 optimizer steps a client where the paper has thousands, and a model of 135
million weights where it has seven billion.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from clues.config import AdapterSettings, TrainingSettings
from clues_research.selection.mixtures import Mixture
from clues_research.selection.plan import GEMMA3, SMOLLM2

SEEDS = (401, 402, 403)
"""No other study uses them; nothing was chosen on them."""
SHARES = (0, 20, 40, 50, 60, 80, 100)
"""Per cent of spoiled rows in the MedicalQA-like world; the paper's Table 1 has 40."""
MEDICAL = ("cut", "deletion", "exchange")
LANGUAGES = ("noise", "exchange", "mixed-language")
FIQA_SHARES = (0.8, 0.2, 0.1, 0.5)
"""The paper's four clients."""


@dataclass(frozen=True)
class World:
    """Clients, public rows, and a training that all arms share."""

    name: str
    mixture: Mixture
    model: str = SMOLLM2
    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(rounds=6, local_steps=4, batch_size=2, learning_rate=2e-3)
    )
    """As in figures.toml, with six rounds of its eight."""
    checkpoint_round: int = 2
    """Round after which rows are scored: well within the first pass over them."""
    choice_rows: int = 32
    """Test prompts whose right answer is to be chosen among four; 0: none is asked."""


def worlds(pools: Path) -> dict[str, World]:
    """All worlds by name; `pools` holds what pools.py wrote."""
    made = [*_medical(), *_languages(pools), *_finance(pools)]
    return {world.name: world for world in made}


def _medical() -> list[World]:
    """MedicalQA: four clients whose rows are dealt at random. Gemma has one share fewer, for Figure 2 and Table 5."""
    plain = Mixture(
        unseen_source="", unseen_rows=0, bad_rows=0, typo_rows=0, heldback_rows=0, tokens=(30, 100), kinds=MEDICAL,
        rows_per_client=40, validation_rows=32, anchor_rows=96, test_rows=96, dealt_clients=4,
    )  # fmt: skip
    mixtures = {share: replace(plain, share=share / 100) for share in SHARES}
    ours = [World(f"medquad-{share}", mixture) for share, mixture in mixtures.items()]
    return ours + [World(f"gemma-medquad-{share}", mixtures[share], GEMMA3) for share in (0, 20, 40, 60)]


def _languages(pools: Path) -> list[World]:
    """MMedBench: a language per client, no case in two languages.

    Prompts are long, so rows and rounds are fewer, and nothing is chosen: it would cost as much again, and so few test
    rows would not tell models apart.
    """
    mixture = Mixture(
        pool=str(pools / "casimedicos_apart.jsonl"), sources=("en", "es", "fr", "it"), unseen_source="", unseen_rows=0,
        bad_rows=0, typo_rows=0, heldback_rows=0, tokens=(20, 200), kinds=LANGUAGES, share=0.4, rows_per_client=28,
        validation_rows=32, anchor_rows=64, test_rows=64,
    )  # fmt: skip
    training = TrainingSettings(rounds=4, local_steps=4, batch_size=2, learning_rate=2e-3)
    return [World("casimedicos", mixture, training=training, choice_rows=0)]


def _finance(pools: Path) -> list[World]:
    """FiQA: four clients of unlike quality, rows of reports and earnings calls dealt at random. Selection alone."""
    mixture = Mixture(
        pool=str(pools / "finance.jsonl"), sources=("tatqa-us", "calls"), unseen_source="", unseen_rows=0, bad_rows=0,
        typo_rows=0, heldback_rows=0, tokens=(8, 250), kinds=MEDICAL, rows_per_client=60, validation_rows=32,
        anchor_rows=80, dealt_clients=4, client_shares=FIQA_SHARES, share=0.4,
    )  # fmt: skip
    return [World("fiqa", mixture)]

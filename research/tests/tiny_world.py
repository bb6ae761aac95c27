"""A world of a few rows for the reproduction."""

from __future__ import annotations

from clues.config import TrainingSettings
from clues_research.reproduction.worlds import World
from clues_research.selection.mixtures import Mixture

TINY = World(
    "tiny",
    Mixture(
        unseen_source="", unseen_rows=0, bad_rows=0, typo_rows=0, heldback_rows=0, tokens=(30, 60), share=0.5,
        kinds=("cut", "deletion", "exchange"), rows_per_client=4, validation_rows=16, anchor_rows=12, test_rows=8,
        dealt_clients=2, client_shares=(0.75, 0.25),
    ),
    training=TrainingSettings(rounds=2, local_steps=1, batch_size=2, learning_rate=1e-2),
    checkpoint_round=1,
    choice_rows=4,
)  # fmt: skip

"""What a job trains, merges and measures."""

from __future__ import annotations

from dataclasses import dataclass

from clues.config import CollaborationSettings
from clues.folders.arm import EVERY_WEIGHTS, METHODS, MIXED, ORACLE, Arm, Combined, Merge


@dataclass(frozen=True)
class Plan:
    """The arms of a job and the adapters that are made of them."""

    settings: CollaborationSettings
    labelled: bool
    """Whether the damage is known, so that an Oracle can be trained."""

    @property
    def usual(self) -> Merge:
        """The merge that the job reports as `merged`; others stand beside it."""
        return Merge(self.settings.merge, self.settings.weights)

    @property
    def retrained(self) -> list[Arm]:
        """The arms that are trained on a part of the rows, once that is known."""
        arms = [Arm.parse(name) for name in self.settings.arms if name != MIXED.name]
        arms = [arm for arm in arms if arm.rows != ORACLE.rows or self.labelled]
        return arms + [Arm(arm.rows, equal_epochs=True) for arm in arms if self.settings.equal_epochs]

    @property
    def federated(self) -> list[Arm]:
        """The arms with federated rounds; the mixed one is the warm-up, and always there."""
        return [MIXED, *self.retrained]

    @property
    def alone(self) -> list[Arm]:
        """The arms that every client also trains alone."""
        return [MIXED] * (MIXED.name in self.settings.arms) + self.retrained

    def merges(self, arm: Arm) -> list[Merge]:
        """How the adapters of an arm are merged: with the job's client weights by both methods; for the figures with
        all weights, on the arm that matters."""
        if arm.equal_epochs:
            return [self.usual]
        every = self.settings.compare and arm.rows == "kept"
        weights = dict.fromkeys((self.usual.weights, *EVERY_WEIGHTS) if every else (self.usual.weights,))
        return [Merge(method, how) for how in weights for method in METHODS]

    @property
    def adapters(self) -> list[Combined]:
        """All that are measured, federated ones first."""
        merged = [Combined(arm, merge) for arm in self.alone for merge in self.merges(arm)]
        return [*map(Combined, self.federated), *merged]

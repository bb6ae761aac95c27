"""What is trained and how it becomes one adapter: the arms of a run, ways to merge, and their names in files.

No torch here: the wire and the pages speak of arms too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from clues.config.names import Method, Weights

Subset = Literal["all", "kept", "clean"]

NAMES: dict[Subset, str] = {"all": "mixed", "kept": "clues", "clean": "oracle"}
"""What the arm of some rows is called: in a job, in files, on the pages."""
EQUAL_EPOCHS = "-epoch"
METHODS: tuple[Method, ...] = get_args(Method)
EVERY_WEIGHTS: tuple[Weights, ...] = get_args(Weights)


@dataclass(frozen=True)
class Arm:
    """A training. Arms differ in this alone: which of their rows the clients use, and how long."""

    rows: Subset
    """`all`, those `kept` by the bar, or the truly `clean` ones, which only labels know."""
    equal_epochs: bool = False
    """As many passes over its rows as an arm of all rows makes, in place of as many steps."""

    @property
    def name(self) -> str:
        """Such as `clues` or `clues-epoch`."""
        return NAMES[self.rows] + EQUAL_EPOCHS * self.equal_epochs

    @staticmethod
    def parse(name: str) -> Arm:
        """The inverse of `name`. Raises ValueError for the name of no arm."""
        for rows, known in NAMES.items():
            if name.removesuffix(EQUAL_EPOCHS) == known:
                return Arm(rows, equal_epochs=name != known)
        raise ValueError(f"{name!r} is no arm; arms are {', '.join(NAMES.values())}, each also with {EQUAL_EPOCHS}")


MIXED = Arm("all")
CLUES = Arm("kept")
ORACLE = Arm("clean")


@dataclass(frozen=True)
class Merge:
    """How adapters that were trained apart become one."""

    method: Method
    weights: Weights


@dataclass(frozen=True)
class Combined:
    """An adapter of a run: how those of an arm's clients became one, averaged in every round (`merge` is None) or
    merged at the end."""

    arm: Arm
    merge: Merge | None = None

    @property
    def how(self) -> Literal["federated", "merged"]:
        """The word for it in files and on pages."""
        return "merged" if self.merge else "federated"

    def name(self, usual: Merge) -> str:
        """The name of its files: `clues-federated`, `clues-merged` for the `usual` merge of the job, else
        `clues-merged-ties-uniform`."""
        return f"{self.arm.name}-{self.way(usual)}"

    def way(self, usual: Merge) -> str:
        """The part of the name after the arm's."""
        other = self.merge is not None and self.merge != usual
        suffix = f"-{self.merge.method}-{self.merge.weights}" if self.merge and other else ""
        return f"{self.how}{suffix}"

"""The command: tables and figures of the paper, at a small machine's scale, or a rehearsal of the paper's own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from clues_research.reproduction.paper import rehearse
from clues_research.reproduction.run import reproduce

Name = Literal[
    "figure1", "figure2", "figure4", "figure5", "table1", "table2", "table3", "table5", "table6", "table8"
]  # fmt: skip


def reproduction(
    names: tuple[Name, ...] = (),
    /,
    *,
    scale: Literal["tiny", "paper"] = "tiny",
    data: Path | None = None,
    runs: Path = Path("runs"),
    fresh: bool = False,
) -> None:
    """Make tables and figures of the CLUES paper, with a verdict on each of its claims.

    What is committed or was made before is used. Writes docs/reproduction/ and its page.

    Parameters
    ----------
    names
        Tables and figures of the paper; all by default.
    scale
        tiny: a small model and few rows, hours on two cores. paper: a rehearsal of the paper's own set-up.
    data
        The folder that research/DATA.md describes; tables 2 and 3 and figure 5 need it once.
    runs
        Folder for what is under way; a stopped run goes on from it, and several processes share the work.
    fresh
        Make everything anew, whatever is committed; a stopped fresh run goes on from where it was.
    """
    chosen = names or get_args(Name)
    if scale == "paper":
        print(rehearse(chosen, runs).text)
        return
    made = reproduce(chosen, data, runs, fresh)
    for why in made.left:
        print(f"not made: {why}")
    print(f"{made.files[-1]} and {len(made.files) - 1} files beside it")

"""`clues reproduce`: the paper's tables and figures; the work is in experiments/reproduction of the repository."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, get_args

from cyclopts import Parameter

import clues
from clues.cli.output import NORMAL, Output
from clues.errors import UsageError

EXAMPLES = """
**Examples**

    clues reproduce table1 --data data
    clues reproduce all --data data --runs runs
    clues reproduce all --scale paper
"""

Name = Literal[
    "figure1", "figure2", "figure4", "figure5", "table1", "table2", "table3", "table5", "table6", "table8", "all"
]


def reproduce(
    name: Name,
    /,
    *,
    scale: Literal["tiny", "paper"] = "tiny",
    data: Annotated[Path | None, Parameter(show_default=False)] = None,
    runs: Path = Path("runs"),
    fresh: Annotated[bool, Parameter(show_default=False)] = False,
    output: Output = NORMAL,
) -> int:
    """Make a table or figure of the CLUES paper, with a verdict on each of its claims. Needs a clone of the repository.

    What is committed or was made before is used. Writes docs/reproduction/ and docs/REPRODUCTION.md of the clone.

    Parameters
    ----------
    name
        A table or figure of the paper, or all.
    scale
        tiny: a small model and few rows, hours on two cores. paper: a rehearsal of the paper's own set-up.
    data
        A folder with finance/, medical/ and multilingual/ (experiments/selection/pools.py); tables 2 and 3 and figure 5
        need it once.
    runs
        Folder for what is under way; a stopped run goes on from it.
    fresh
        Make everything anew, whatever is committed; a stopped fresh run goes on from where it was.
    """
    _find_experiments()
    if scale == "paper":
        with contextlib.redirect_stdout(sys.stderr):
            rehearsal = import_module("experiments.reproduction.paper").rehearse(_names(name), runs)
        return output.answer(rehearsal.text, {"command": "reproduce", "scale": scale, **rehearsal.facts})
    with contextlib.redirect_stdout(sys.stderr):
        made = import_module("experiments.reproduction.run").reproduce(_names(name), data, runs, fresh)
    page = Path(made.files[-1])
    facts = {"command": "reproduce", "scale": scale, "files": made.files, "left": made.left}
    text = "\n".join([*(f"not made: {why}" for why in made.left), f"{page} and {len(made.files) - 1} files beside it"])
    return output.answer(text, facts, page)


def _names(name: str) -> list[str]:
    every = [one for one in get_args(Name) if one != "all"]
    return every if name == "all" else [name]


def _find_experiments() -> None:
    """Put the clone on the path. Raises UsageError where this is an installed package without one."""
    places = (Path(clues.__file__).parents[2], Path.cwd())
    root = next((place for place in places if (place / "experiments" / "reproduction").is_dir()), None)
    if root is None:
        raise UsageError(
            "clues reproduce needs a clone of the repository, for experiments/ is not in the package: run it there, "
            "after pip install -e ."
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))

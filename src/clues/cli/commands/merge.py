"""`clues merge`: adapters that were trained apart become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clues.cli.options import parse_list
from clues.cli.output import NORMAL, Output
from clues.config.names import Method
from clues.errors import UsageError

EXAMPLES = """
**Examples**

    clues merge adapters/a adapters/b --output adapters/merged
    clues merge adapters/a adapters/b --output adapters/merged --weights 120,40
    clues merge adapters/* --output adapters/merged --method ties --density 0.2
"""


def merge(
    *adapters: Annotated[Path, Parameter(name="ADAPTER")],
    output_to: Annotated[Path, Parameter(name="--output")],
    method: Method = "linear",
    weights: str | None = None,
    density: float = 0.2,
    output: Output = NORMAL,
) -> int:
    """Merge LoRA adapters in PEFT's format into one, without training and without the base model.

    Parameters
    ----------
    adapters
        Two or more adapter folders for the same base model, of the same rank and layers.
    output_to
        The folder of the merged adapter; it must not hold one yet.
    method
        linear: the weighted average of the factors. ties: trimmed, with one sign per entry.
    weights
        One number per adapter, as in 120,40 for clients of 120 and 40 rows; equal if not given.
    density
        ties: the share of entries that is kept.
    """
    from clues.collaboration.merge import merge_folders

    try:
        shares = [float(weight) for weight in parse_list(weights)] if weights else None
        merge_folders(adapters, output_to, method, shares, density)
    except ValueError as error:
        raise UsageError(str(error)) from error
    facts = {"command": "merge", "adapters": [str(a) for a in adapters], "method": method, "weights": shares}
    return output.answer(f"{len(adapters)} adapters merged ({method}) into {output_to}", facts, output_to)

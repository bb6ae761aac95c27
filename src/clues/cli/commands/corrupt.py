"""`clues corrupt`: spoil some rows in known ways, so that a selection can be measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clues.cli.options import check_new, check_share, parse_list
from clues.cli.output import NORMAL, Output
from clues.cli.reading import AS_FOUND, Reading
from clues.cli.text.words import count, listed
from clues.errors import UsageError

EXAMPLES = """
**Examples**

    clues corrupt mine.jsonl --output spoiled.jsonl
    clues corrupt mine.csv --output spoiled.jsonl --share 0.2 --kinds cut,noise --seed 7
"""


def corrupt(
    file: Path,
    /,
    *,
    output_to: Annotated[Path, Parameter(name="--output")],
    share: float = 0.5,
    kinds: str = "cut,deletion,exchange",
    seed: int = 0,
    reading: Reading = AS_FOUND,
    output: Output = NORMAL,
) -> int:
    """Spoil a share of a file's answers in known ways, for tests of the selection.

    Every record gets the field `clues_label`: `clean`, or the kind of damage. No score reads it.

    Parameters
    ----------
    file
        JSON lines, JSON, CSV, Parquet, or a data set.
    output_to
        A new file of JSON lines.
    share
        Share of the rows to spoil.
    kinds
        Some of cut, deletion, exchange, near-exchange, noise, mixed-language, repetition, in equal parts. Also
        number, negation, name, which change what a fluent answer says, and typos, which leave it good.
    seed
        The same seed spoils the same rows in the same way.
    """
    from clues.data.damage.labelled import LABEL
    from clues.data.damage.spoil import corrupt_rows
    from clues.data.files.reading import read_rows
    from clues.disk.writing import write_jsonl

    check_share("--share", share)
    check_new(output_to)
    if output_to.suffix != ".jsonl":
        raise UsageError(f"{output_to}: spoiled rows are written as JSON lines; end its name in .jsonl")
    rows, set_aside = read_rows(file, reading.named())
    try:
        spoiled = corrupt_rows(rows, share, parse_list(kinds), seed)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    write_jsonl((row.record for row in spoiled), output_to)
    labels = Counter(row.record[LABEL] for row in spoiled)
    said = listed([f"{n} {label}" for label, n in labels.items()])
    left_out = f"; {count(len(set_aside), 'record')} that cannot be used left out" if set_aside else ""
    facts = {"command": "corrupt", "rows": len(spoiled), "labels": labels, "set_aside": len(set_aside)}
    return output.answer(f"{output_to}: {count(len(spoiled), 'row')}, {said}{left_out}", facts, output_to)

"""What separates the cells of a CSV file: what its `sep=` line says, or the one sign that divides its header."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from clues.errors import ReadingError

SIGNS = {",": ",", ";": ";", "\t": "tabs", "|": "|"}
"""Separators, by how they are called."""
_NAMED = re.compile(r'"?sep=(.)"?\r?\n?$', re.IGNORECASE)
LONGEST = 2**31 - 1
"""Characters of a cell; the csv module's own limit, 131,072, is less than a long document."""


@dataclass(frozen=True)
class Dialect:
    """How lines are cut into cells."""

    separator: str
    named: bool
    """The first line is `sep=` and no header."""


def find_dialect(lines: Sequence[str], where: str) -> Dialect:
    """From the first lines of a file. Raises ReadingError where two separators would do."""
    if lines and (match := _NAMED.match(lines[0])):
        return Dialect(match.group(1), True)
    widths = {sign: _width(lines[0], sign) for sign in SIGNS} if lines else {}
    able = [sign for sign, width in widths.items() if width > 1]
    if len(able) > 1:
        able = _even(lines, able) or able
    if len(able) > 1:
        raise ReadingError(
            f"{where}: the header can be cut at {' or at '.join(SIGNS[sign] for sign in able)}: say which by a first "
            f"line of its own, sep={able[0]} or sep={able[1]}"
        )
    return Dialect(able[0] if able else ",", False)


def cells_of(lines: Sequence[str], separator: str) -> list[str]:
    """The cells of one record. Raises csv.Error if these lines are none."""
    csv.field_size_limit(LONGEST)
    return next(csv.reader(iter(lines), delimiter=separator, strict=True), [])


def _width(line: str, separator: str) -> int:
    try:
        return len(cells_of([line], separator))
    except csv.Error:
        return 0


def _even(lines: Sequence[str], able: Sequence[str]) -> list[str]:
    """The separators that cut every line into as many cells as the header."""
    return [sign for sign in able if len({_width(line, sign) for line in lines if line.strip()}) == 1]

"""Weights, labels and masks: whether something is to be learned."""

from __future__ import annotations

from typing import Any

from clues.errors import UnusableRecord

_YES_NO = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False, "0.0": False, "no": False}


def marked(value: Any) -> bool | None:
    """A weight, label or mask as yes or no; None where it is neither."""
    return _YES_NO.get(str(value).strip().casefold())


def switch(value: Any, name: str, where: str = "") -> bool:
    """A weight or mask as yes or no. Raises UnusableRecord for a weight between, which nothing here can follow."""
    answer = marked(value)
    if answer is None:
        place = f"{where}: " if where else ""
        raise UnusableRecord(f"{place}{name} is {value!r:.60}; only 0 (false) and 1 (true) can be followed")
    return answer

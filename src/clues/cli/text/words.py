"""The pages' words without their no-break spaces: in a terminal and in a script people look for plain ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from clues.report import words

P = ParamSpec("P")


def _plain(say: Callable[P, str]) -> Callable[P, str]:
    @wraps(say)
    def said(*args: P.args, **kwargs: P.kwargs) -> str:
        return say(*args, **kwargs).replace("\u00a0", " ")

    return said


count = _plain(words.count)
data_size = _plain(words.data_size)
duration = _plain(words.duration)
faults = _plain(words.faults)
fixed = _plain(words.fixed)
listed = _plain(words.listed)
percent = _plain(words.percent)

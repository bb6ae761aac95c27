"""A task as it travels: settings and arrays, and how they are read so that nothing is missing and nothing is more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

from clues.errors import WireError
from clues.federated.wire import Arrays

Setting = int | float | str | bool | list[int] | list[float] | list[str] | list[bool]
"""What Flower carries."""
T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What a task is made of."""

    settings: Mapping[str, Setting] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


@contextmanager
def read_parts(parts: Parts, arrays: Iterable[str] = (), more: Iterable[str] = ()) -> Iterator[Settings]:
    """The settings of a task, to be taken one by one.

    arrays: prefixes that the task has arrays under; more: those that it may have. Raises WireError if that is not so,
    for a setting of a value that is not allowed, and at the end for one that nobody took.
    """
    found = {name.partition("/")[0] for name in parts.arrays}
    missing, odd = set(arrays) - found, found - set(arrays) - set(more)
    if missing or odd:
        raise WireError(f"arrays {sorted(missing)} are missing, {sorted(odd)} are not known")
    settings = Settings(parts.settings)
    try:
        yield settings
    except ValueError as error:
        raise WireError(str(error)) from error
    settings.end()


class Settings:
    """Settings as they came, each taken once by its name and type. Raises WireError for one that is not there or is not
    of that type."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._left = dict(settings)

    def one(self, name: str, kind: type[T]) -> T:
        value = self._take(name)
        if type(value) is not kind:
            raise WireError(f"the setting {name!r} is a {type(value).__name__}, not a {kind.__name__}")
        return value

    def count(self, name: str, least: int = 0) -> int:
        value = self.one(name, int)
        if value < least:
            raise WireError(f"the setting {name!r} is {value}; {least} is the least")
        return value

    def many(self, name: str, kind: type[T]) -> tuple[T, ...]:
        values = self._take(name)
        if not isinstance(values, list) or any(type(value) is not kind for value in values):
            raise WireError(f"the setting {name!r} is no list of {kind.__name__}")
        return cast(tuple[T, ...], tuple(values))

    def table(self, columns: Mapping[str, type]) -> list[tuple]:
        """Lists of equal length as rows."""
        lists = [self.many(name, kind) for name, kind in columns.items()]
        if len(set(map(len, lists))) > 1:
            raise WireError(f"the settings {', '.join(columns)} differ in length")
        return list(zip(*lists, strict=True))

    def end(self) -> None:
        if self._left:
            raise WireError(f"the task has a setting {min(self._left)!r} that nobody knows")

    def _take(self, name: str) -> Setting:
        if name not in self._left:
            raise WireError(f"the task has no setting {name!r}")
        return self._left.pop(name)

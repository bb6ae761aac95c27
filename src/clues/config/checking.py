"""Settings that check themselves, whichever way they are made; what is wrong is said in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from clues.config.schema import Part, keys, part_at
from clues.errors import SettingError

T = TypeVar("T")

CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)
"""Strict as JSON is: an int is a float, and nothing else is taken for what it is not."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def settings(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass that raises SettingError for a value it cannot have."""
    made: Any = dataclass(frozen=True, config=CONFIG)(cls)
    names, check = [f.name for f in fields(made)], made.__init__

    @wraps(check)
    def init(self: object, *args: object, **given: object) -> None:
        if len(args) > len(names):
            raise TypeError(f"{cls.__name__} has {len(names)} settings, and {len(args)} are given")
        try:
            check(self, **dict(zip(names, args, strict=False)), **given)
        except ValidationError as error:
            raise SettingError(said(error, made, lambda _: cls.__name__)) from None

    made.__init__ = init
    return made


def from_json(kind: type[T], text: str, origin: Callable[[str], str]) -> T:
    """`text` as an instance of a settings class; `origin` says where a key was given. Raises SettingError."""
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise SettingError(said(error, kind, origin)) from None


def said(error: ValidationError, kind: type, origin: Callable[[str], str]) -> str:
    """Where, which setting, its value and what is allowed: of what is wrong, what most likely explains the rest."""
    first = min(error.errors(include_url=False), key=lambda e: e["type"] != "unexpected_keyword_argument")
    key = dotted(first["loc"])
    return f"{origin(key)}: {_fault(first, key, kind)}"


def dotted(loc: tuple[int | str, ...]) -> str:
    """`clients[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _fault(error: ErrorDetails, key: str, kind: type) -> str:
    loc, value = error["loc"], error["input"]
    if error["type"] == "unexpected_keyword_argument":
        return f"unknown key {key}; {_known(part_at(kind, loc[:-1]), key, kind)}"
    if error["type"] == "missing":
        return f"{key} is missing"
    part = part_at(kind, loc)
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"]) if "ctx" in error else error["msg"]
        return reason if part.keys else f"{key} is {_shown(value)}; {reason}"
    return f"{key or 'the job'} is {_shown(value)}; allowed: {part.allowed}"


def _shown(value: Any) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)


def _known(table: Part, key: str, kind: type) -> str:
    """The nearest known key: one of the same table, or of that name in another; all of the table where none is near."""
    before, dot, leaf = key.rpartition(".")
    near = [before + dot + name for name in get_close_matches(leaf, table.keys, 1)]
    near += [other for other in keys(kind) if other.rpartition(".")[2] == leaf]
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(table.keys))}"

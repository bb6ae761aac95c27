"""The kinds of values that settings have, each with its unit and the range it lies in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, Strict

from clues.config.names import CLIENT_NAME

T = TypeVar("T", bound=Hashable)


def _in(unit: str, **limits: Any) -> Any:
    """A number's unit and limits: `ge`, `gt`, `le`, `lt`."""
    return Field(json_schema_extra={"unit": unit}, **limits)


Tokens = Annotated[int, _in("tokens", ge=1)]
LeastTokens = Annotated[int, _in("tokens", ge=0)]
Rows = Annotated[int, _in("rows", ge=1)]
RowsOrNone = Annotated[int, _in("rows", ge=0)]
Clients = Annotated[int, _in("clients", ge=0)]
Rounds = Annotated[int, _in("rounds", ge=1)]
Steps = Annotated[int, _in("steps", ge=1)]
Layer = Annotated[int, _in("layers from the lowest", ge=0)]
Rank = Annotated[int, _in("columns of B", ge=1)]
Answers = Annotated[int, _in("answers", ge=1)]
Resamples = Annotated[int, _in("resamples", ge=1)]
Seed = Annotated[int, _in("number of the draw", ge=0, lt=2**32)]
"""A client's draws are seeded by the job's seed and its name in the 64 bits that torch takes."""

Probability = Annotated[float, _in("probability", gt=0, lt=1)]
Share = Annotated[float, _in("share", ge=0, le=1)]
SomeShare = Annotated[float, _in("share", gt=0, le=1)]
Weight = Annotated[float, _in("weight", ge=0)]
Rate = Annotated[float, _in("weight change per step", gt=0)]
Scale = Annotated[int, _in("multiple of 1 / rank", ge=1)]
Statistic = Annotated[float, _in("statistic of a row", ge=-1e4, le=1e4)]
"""Evidence is in nats for an answer: nothing is as sure as e^10000."""


def _named(text: str) -> str:
    if not text.strip() or text in (".", "..") or set(text) & set("/\\\0"):
        raise ValueError("it becomes a folder's name, so that it needs a letter and has no slash")
    return text


def _each_once(values: tuple[T, ...]) -> tuple[T, ...]:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} stands there twice; name each once")
    return values


def _rising(values: tuple[int, ...]) -> tuple[int, ...]:
    if list(values) != sorted(values):
        raise ValueError(f"write them in rising order, {sorted(values)}")
    return values


Text = Annotated[str, Field(min_length=1)]
FolderName = Annotated[str, AfterValidator(_named), Field(json_schema_extra={"allowed": "a folder's name"})]
ClientName = Annotated[
    str, Field(pattern=f"^{CLIENT_NAME}$", json_schema_extra={"allowed": "1 to 40 of a-z, 0-9 and -: it has to travel"})
]
Source = Annotated[
    str, Field(pattern="^[A-Za-z0-9-]{1,40}$", json_schema_extra={"allowed": "1 to 40 letters, digits and -"})
]
"""In lower case it is a client's name."""
_UNIQUE = Field(json_schema_extra={"uniqueItems": True})
Distinct = Annotated[tuple[T, ...], Strict(False), AfterValidator(_each_once), _UNIQUE]
"""A list in which nothing stands twice; Python's lists become tuples as TOML's do."""
Some = Annotated[tuple[T, ...], Strict(False), Field(min_length=1), AfterValidator(_each_once), _UNIQUE]
"""One with at least one entry."""
Checkpoints = Annotated[Some[Rounds], AfterValidator(_rising)]

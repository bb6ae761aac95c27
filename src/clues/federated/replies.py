"""What a client answers: one dataclass for each kind of task. A reply that lacks a number, has another, or has numbers
that cannot be true of one set of rows, is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from clues.errors import WireError
from clues.federated.wire import ADAPTER, ERROR_CODES, REASON, Arrays, Result, UnfitReply

R = TypeVar("R", bound="ClientReply")


class ClientReply(ABC):
    """The answer to a task that was done."""

    @abstractmethod
    def to_wire(self) -> Result:
        """The reply as it travels."""

    @classmethod
    @abstractmethod
    def from_wire(cls: type[R], result: Result) -> R:
        """The inverse of `to_wire`. Raises WireError for a reply that lacks something or has more."""


@dataclass(frozen=True)
class Failure:
    """The answer of a client that could not do a task, or that gave none: one of ERROR_CODES."""

    code: str
    why: str = ""
    """What the server found wrong, in words of its own; never a text of the client's."""

    @property
    def meaning(self) -> str:
        """The code in words."""
        return ERROR_CODES[self.code] + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True)
class HelloReply(ClientReply):
    """To hello."""

    name: str

    def to_wire(self) -> Result:
        return Result(name=self.name)

    @classmethod
    def from_wire(cls, result: Result) -> HelloReply:
        if not result.name:
            raise WireError("the reply to hello has no name")
        _check(result, set(), arrays=False)
        return HelloReply(result.name)


@dataclass(frozen=True)
class ScoreReply(ClientReply):
    """To both tasks that score rows."""

    rows: int
    set_aside: int
    duplicates: int
    truncated: int
    seconds: float

    def to_wire(self) -> Result:
        return Result(_numbers(self))

    @classmethod
    def from_wire(cls, result: Result) -> ScoreReply:
        _check(result, _names(ScoreReply), arrays=False)
        return _read(ScoreReply, result).checked()

    def checked(self) -> ScoreReply:
        """The same. Raises UnfitReply for counts that no file of rows has."""
        _check_rows(self.rows, duplicates=self.duplicates, truncated=self.truncated)
        return self


@dataclass(frozen=True)
class SelectReply(ClientReply):
    """To select."""

    rows: int
    set_aside: int
    duplicates: int
    truncated: int
    kept: int
    dropped: int
    overlap: int
    reasons: Mapping[str, int]
    """Criterion -> rows that were dropped for it."""
    seconds: float

    def to_wire(self) -> Result:
        return Result(_numbers(self) | {REASON + name: count for name, count in self.reasons.items()})

    @classmethod
    def from_wire(cls, result: Result) -> SelectReply:
        reasons = {name: count for name, count in result.numbers.items() if name.startswith(REASON)}
        _check(result, _names(SelectReply) | set(reasons), arrays=False)
        if not all(isinstance(count, int) for count in reasons.values()):
            raise WireError("a reason's number of rows is no whole number")
        told = {name.removeprefix(REASON): int(n) for name, n in reasons.items()}
        return _read(SelectReply, result, reasons=told).checked()

    def checked(self) -> SelectReply:
        """The same. Raises UnfitReply for counts that no selection comes to."""
        _check_rows(self.rows, duplicates=self.duplicates, truncated=self.truncated, overlap=self.overlap)
        if self.kept + self.dropped != self.rows:
            raise UnfitReply(f"kept {self.kept} and dropped {self.dropped} are not the {self.rows} rows")
        if sum(self.reasons.values()) != self.dropped:
            raise UnfitReply(f"there are {sum(self.reasons.values())} reasons for {self.dropped} dropped rows")
        return self


@dataclass(frozen=True)
class TrainReply(ClientReply):
    """To train."""

    examples: int
    """Rows that were trained on."""
    steps: int
    train_loss: float
    seconds: float
    adapter: Arrays

    def to_wire(self) -> Result:
        return Result(_numbers(self), {ADAPTER + name: array for name, array in self.adapter.items()})

    @classmethod
    def from_wire(cls, result: Result) -> TrainReply:
        _check(result, _names(TrainReply), arrays=True)
        adapter = {name.removeprefix(ADAPTER): array for name, array in result.arrays.items()}
        reply = _read(TrainReply, result, adapter=adapter)
        if not (reply.examples and reply.steps):
            raise UnfitReply(f"{reply.examples} rows and {reply.steps} steps are no training")
        return reply


def _check_rows(rows: int, **among: int) -> None:
    """There are rows, and what is counted among them is not more."""
    if not rows:
        raise UnfitReply("there is no row")
    for name, count in among.items():
        if count > rows:
            raise UnfitReply(f"{name} is {count} of {rows} rows")


def _names(kind: type[ClientReply]) -> set[str]:
    """The numbers among a reply's fields."""
    return {f.name for f in fields(kind) if f.type in ("int", "float")}  # type: ignore[arg-type]


def _numbers(reply: ClientReply) -> dict[str, int | float]:
    return {f.name: getattr(reply, f.name) for f in fields(reply) if f.name in _names(type(reply))}  # type: ignore[arg-type]


def _check(result: Result, numbers: set[str], arrays: bool) -> None:
    odd = sorted(numbers ^ set(result.numbers))
    if missing := [name for name in odd if name in numbers]:
        raise UnfitReply(f"the reply lacks {missing[0]!r}")
    if odd:
        raise WireError(f"the reply has {odd[0]!r}")
    if bool(result.arrays) != arrays:
        raise UnfitReply(f"the reply has {len(result.arrays)} arrays")


def _read(kind: type[R], result: Result, **more: object) -> R:
    for f in fields(kind):  # type: ignore[arg-type]
        if f.type == "int" and not isinstance(result.numbers[f.name], int):
            raise UnfitReply(f"{f.name} is no whole number")
    numbers = {name: result.numbers[name] for name in _names(kind)}
    return kind(**numbers, **more)  # type: ignore[arg-type]

"""What the server asks of a client: one dataclass for each kind of task. All it brings is public.

Every field is required. A task that lacks one, or has more, or one of another type, is refused (`bad-task`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Generic, TypeVar

from clues.config import SelectionSettings
from clues.errors import WireError
from clues.federated.parts import Parts, Setting, read_parts
from clues.federated.replies import ClientReply, HelloReply, ScoreReply, SelectReply, TrainReply
from clues.federated.wire import ADAPTER, Arrays, Result, UnfitReply
from clues.folders.arm import Arm
from clues.folders.power import Shading
from clues.scoring.public_answers import PublicAnswers
from clues.selection.seen import LeftOut

R = TypeVar("R", bound=ClientReply)


class Task(ABC, Generic[R]):
    """What one client is asked, once."""

    name: ClassVar[str]
    """`train`, or what Flower calls `query.<name>`."""

    @abstractmethod
    def to_wire(self) -> Parts:
        """The task as it travels."""

    @classmethod
    @abstractmethod
    def from_wire(cls, parts: Parts) -> Task[R]:
        """The inverse of `to_wire`. Raises WireError for a task that lacks something or has more."""

    @abstractmethod
    def reply(self, result: Result) -> R:
        """The answer to this task. Raises WireError for a result that is none."""


@dataclass(frozen=True)
class Hello(Task[HelloReply]):
    """Who are you? And have you this clues, and this base model?"""

    name = "hello"

    clues: str = ""
    """The server's version of the package; a client of another answers `version`. Empty: any will do."""
    base: str = ""
    """Fingerprint of the server's base weights (`models.base.fingerprint`); a client of others answers `other-model`.
    Empty: any will do."""

    def to_wire(self) -> Parts:
        return Parts({"clues": self.clues, "base": self.base})

    @classmethod
    def from_wire(cls, parts: Parts) -> Hello:
        with read_parts(parts) as settings:
            return Hello(settings.one("clues", str), settings.one("base", str))

    def reply(self, result: Result) -> HelloReply:
        return HelloReply.from_wire(result)


@dataclass(frozen=True)
class ScoreBase(Task[ScoreReply]):
    """Score your rows under the base model."""

    name = "score_base"

    public: PublicAnswers
    """Of the validation rows: answers are read under their questions too, and short ones show what tasks there are."""

    def to_wire(self) -> Parts:
        return Parts({"questions": list(self.public.questions), "answers": list(self.public.answers)})

    @classmethod
    def from_wire(cls, parts: Parts) -> ScoreBase:
        with read_parts(parts) as settings:
            return ScoreBase(PublicAnswers(settings.many("questions", str), settings.many("answers", str)))

    def reply(self, result: Result) -> ScoreReply:
        return ScoreReply.from_wire(result)


@dataclass(frozen=True)
class Score(Task[ScoreReply]):
    """Score your rows under a checkpoint of the warm-up."""

    name = "score"

    number: int
    """The warm-up round it is from, 1-based."""
    checkpoint: Arrays
    """`scoring.checkpoint.Checkpoint.to_tensors`."""

    def to_wire(self) -> Parts:
        return Parts({"number": self.number}, self.checkpoint)

    @classmethod
    def from_wire(cls, parts: Parts) -> Score:
        with read_parts(parts, arrays=("adapter", "direction"), more=("gradient", "square", "taught")) as settings:
            return Score(settings.count("number", least=1), parts.arrays)

    def reply(self, result: Result) -> ScoreReply:
        return ScoreReply.from_wire(result)


@dataclass(frozen=True)
class PublicText:
    """A row of a public set, for clients to find rows of theirs among them."""

    set: str
    prompt: str
    response: str


@dataclass(frozen=True)
class Select(Task[SelectReply]):
    """Put your rows to the bar."""

    name = "select"

    settings: SelectionSettings
    bar: Arrays
    """`selection.bar.Bar.to_arrays`."""
    criteria: Mapping[str, Sequence[str]]
    """Criterion -> columns of the channels that the bar holds rows against it by."""
    left_out: tuple[LeftOut, ...]
    """Criteria and channels that have no say."""
    public: tuple[PublicText, ...]
    shading: Shading
    """Without values where no noise could be made."""

    def to_wire(self) -> Parts:
        public = {f"public_{f.name}": [getattr(row, f.name) for row in self.public] for f in fields(PublicText)}
        auc, rows = self.shading.auc, self.shading.rows
        measured = [] if auc is None or rows is None else [(auc, rows)]
        shading = {"shading_auc": [auc for auc, _ in measured], "shading_rows": [rows for _, rows in measured]}
        stated = [(name, column) for name, columns in self.criteria.items() for column in columns]
        criteria = {"criterion": [name for name, _ in stated], "column": [column for _, column in stated]}
        return Parts({**asdict(self.settings), **criteria, **_left_out(self.left_out), **public, **shading}, self.bar)

    @classmethod
    def from_wire(cls, parts: Parts) -> Select:
        with read_parts(parts, arrays=("anchor",), more=("good", "spoiled")) as settings:
            rule = {name: settings.one(name, type(usual)) for name, usual in asdict(SelectionSettings()).items()}
            criteria: dict[str, list[str]] = {}
            for name, column in settings.table({"criterion": str, "column": str}):
                criteria.setdefault(name, []).append(column)
            left = settings.table({"left_out": str, "left_out_rows": int, "left_out_auc": float, "left_out_low": float})
            public = settings.table({f"public_{f.name}": str for f in fields(PublicText)})
            shading = settings.table({"shading_auc": float, "shading_rows": int})
            if len(shading) > 1:
                raise WireError(f"the shading has {len(shading)} values")
            return Select(
                SelectionSettings(**rule),
                parts.arrays,
                criteria,
                tuple(LeftOut(name, rows, _known(auc), _known(low)) for name, rows, auc, low in left),
                tuple(PublicText(*row) for row in public),
                Shading(*shading[0]) if shading else Shading(),
            )

    def reply(self, result: Result) -> SelectReply:
        return SelectReply.from_wire(result)


UNKNOWN = -1.0
"""An area, or its end, that was not measured, as it travels."""


def _left_out(parts: Sequence[LeftOut]) -> dict[str, list[str] | list[int] | list[float]]:
    return {
        "left_out": [part.name for part in parts],
        "left_out_rows": [part.rows for part in parts],
        "left_out_auc": [UNKNOWN if part.auc is None else part.auc for part in parts],
        "left_out_low": [UNKNOWN if part.low is None else part.low for part in parts],
    }


def _known(value: float) -> float | None:
    return None if value == UNKNOWN else value


@dataclass(frozen=True)
class Train(Task[TrainReply]):
    """Train this adapter on your rows, and send it back."""

    name = "train"

    arm: Arm
    steps: int
    """Of an arm with equal steps; one with equal epochs makes as many fewer as its rows are."""
    first_step: int
    """Index of the first step in the whole arm."""
    adapter: Arrays

    def to_wire(self) -> Parts:
        settings: dict[str, Setting] = {"arm": self.arm.name, "steps": self.steps, "first_step": self.first_step}
        return Parts(settings, {ADAPTER + name: array for name, array in self.adapter.items()})

    @classmethod
    def from_wire(cls, parts: Parts) -> Train:
        adapter = {name.removeprefix(ADAPTER): array for name, array in parts.arrays.items()}
        with read_parts(parts, arrays=("adapter",)) as settings:
            arm = Arm.parse(settings.one("arm", str))
            return Train(arm, settings.count("steps", least=1), settings.count("first_step"), adapter)

    def reply(self, result: Result) -> TrainReply:
        reply = TrainReply.from_wire(result)
        if reply.adapter.keys() != self.adapter.keys():
            raise UnfitReply(f"the adapter has {len(reply.adapter)} of {len(self.adapter)} arrays")
        least = 1 if self.arm.equal_epochs else self.steps
        if not least <= reply.steps <= self.steps:
            raise UnfitReply(f"it made {reply.steps} steps, and was asked for {self.steps}")
        return reply


TASKS: dict[str, type[Task]] = {kind.name: kind for kind in (Hello, ScoreBase, Score, Select, Train)}

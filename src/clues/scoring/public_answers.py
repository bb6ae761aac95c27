"""The public validation rows' prompts and short answers: all that rows are read by beside their own text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from clues.data.rows import Row
from clues.data.short_answers import SENTENCE, ShortAnswers, size


@dataclass(frozen=True)
class PublicAnswers:
    """Two lists in the order of the rows; both empty where nothing is known of public rows."""

    questions: tuple[str, ...] = ()
    """The rows' prompts: other answers are read under them too."""
    answers: tuple[str, ...] = ()
    """Their short answers, which say what tasks there are; empty where a row's answer is long, or not one."""

    def __post_init__(self) -> None:
        if len(self.questions) != len(self.answers):
            raise ValueError(f"{len(self.questions)} questions and {len(self.answers)} answers: one each is needed")

    @staticmethod
    def of(rows: Sequence[Row]) -> PublicAnswers:
        """From the rows themselves."""
        short = (len(row.responses) == 1 and size(row.response) <= SENTENCE for row in rows)
        answers = tuple(row.response if it_is else "" for row, it_is in zip(rows, short, strict=True))
        return PublicAnswers(tuple(row.prompt for row in rows), answers)

    @cached_property
    def short(self) -> ShortAnswers:
        """The tasks that their short answers show."""
        return ShortAnswers.of(self.questions, self.answers)


NOTHING_PUBLIC = PublicAnswers()
"""Where there are no public rows to read by."""

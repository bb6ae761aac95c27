"""The rows that spoiled texts are made from: the exchanges' partners, the names' subjects, the noise's vocabulary."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property
from itertools import cycle, islice

from clues.data.damage.edits import EDITS
from clues.data.damage.partners import Partners
from clues.data.damage.subjects import Subjects
from clues.data.damage.subtle import SUBTLE_EDITS
from clues.data.rows import Row
from clues.data.short_answers import ShortAnswers
from clues.data.words import words

ALONE = EDITS | SUBTLE_EDITS
"""Kinds of damage that look at one text alone, and their edits."""

Responses = tuple[str, ...]


class Corpus:
    """Prompts and responses of all rows; what is made of them is made once, when it is needed."""

    def __init__(
        self, responses: Sequence[Responses], prompts: Sequence[str], short: ShortAnswers | None = None
    ) -> None:
        """`short`: the tasks that other labels are taken from; by default those that these texts show."""
        self._short = short
        self._responses = responses
        self._prompts = prompts
        self._answers = ["\n\n".join(texts) for texts in responses]
        self._partners = Partners(prompts, self._answers)

    @classmethod
    def of(cls, rows: Sequence[Row], short: ShortAnswers | None = None) -> Corpus:
        return cls([row.responses for row in rows], [row.prompt for row in rows], short)

    def spoil(self, at: Sequence[int], kind: str, rng: random.Random) -> list[Responses | None]:
        """Spoiled responses of the rows at these positions; None where there is no such text."""
        if kind == "exchange":
            return self._exchanged(at, self._partners.at_random(at, rng))
        if kind == "near-exchange":
            return self._exchanged(at, self._partners.most_similar(at))
        if kind == "label":
            return [self._other_label(i, rng) for i in at]
        if kind == "name":
            return [self._subjects.swapped(i, self._responses[i], rng) for i in at]
        return [self._edited(self._responses[i], kind, rng) for i in at]

    def _exchanged(self, at: Sequence[int], partners: Sequence[int | None]) -> list[Responses | None]:
        """The partner's responses, turn by turn; from the first again if the partner has fewer turns."""
        return [
            None if j is None else tuple(islice(cycle(self._responses[j]), len(self._responses[i])))
            for i, j in zip(at, partners, strict=True)
        ]

    def _edited(self, texts: Responses, kind: str, rng: random.Random) -> Responses | None:
        results = [ALONE[kind](text, rng, self._vocabulary) for text in texts]
        if all(result is None for result in results):
            return None
        return tuple(text if result is None else result for text, result in zip(texts, results, strict=True))

    def _other_label(self, i: int, rng: random.Random) -> Responses | None:
        """Another answer that the row's task has, each as likely as any other."""
        if (task := self._tasks.task_of(self._prompts[i], self._responses[i])) is None:
            return None
        others = self._tasks.tasks[task].others(self._answers[i])
        return (rng.choice(others),) if others else None

    @cached_property
    def _tasks(self) -> ShortAnswers:
        return ShortAnswers.of(self._prompts, self._answers) if self._short is None else self._short

    @cached_property
    def _subjects(self) -> Subjects:
        return Subjects(self._prompts, self._answers)

    @cached_property
    def _vocabulary(self) -> list[str]:
        # Sorted: the order of a set of strings differs between processes.
        return sorted({word for texts in self._responses for text in texts for word in words(text)})

"""The row whose answer another takes: that of a random or of the most similar other question."""

from __future__ import annotations

import random
from collections.abc import Sequence

from clues.data.words import nearly_same, words

_TRIES = 100
"""Swaps tried before an answer from outside the circle is taken."""


class Partners:
    """Finds for a row another row whose answer is wrong here: to another question, and not nearly the same text."""

    def __init__(self, prompts: Sequence[str], answers: Sequence[str]) -> None:
        self._prompts = prompts
        self._questions = [words(prompt) for prompt in prompts]
        self._answers = answers

    def fit(self, row: int, partner: int) -> bool:
        """Whether the partner's answer is wrong for the row. Rows without a question have none in common."""
        question = self._questions[row]
        if row == partner or (question and question == self._questions[partner]):
            return False
        return not nearly_same(self._answers[row], self._answers[partner])

    def at_random(self, at: Sequence[int], rng: random.Random) -> list[int | None]:
        """Partners of the rows `at`, from among themselves: answers go round in one circle, each used once.

        A partner that does not fit is swapped; where no swap helps, any row's answer that fits is taken.
        """
        circle = rng.sample(list(at), len(at))
        partners = dict(zip(circle, circle[1:] + circle[:1], strict=True))
        for row in circle:
            if not self.fit(row, partners[row]):
                self._swap(row, partners, rng)
        return [partners[row] if self.fit(row, partners[row]) else self._anyone(row, rng) for row in at]

    def _swap(self, row: int, partners: dict[int, int], rng: random.Random) -> None:
        for other in rng.sample(sorted(partners), min(len(partners), _TRIES)):
            if self.fit(row, partners[other]) and self.fit(other, partners[row]):
                partners[row], partners[other] = partners[other], partners[row]
                return

    def _anyone(self, row: int, rng: random.Random) -> int | None:
        everyone = rng.sample(range(len(self._answers)), len(self._answers))
        return next((other for other in everyone if self.fit(row, other)), None)

    def most_similar(self, at: Sequence[int]) -> list[int | None]:
        """For each row the one with the most similar other question (cosine of TF-IDF) that fits.

        The same answer may be taken by several rows, and stays with its own.
        """
        if not any(self._questions):
            return [None] * len(at)
        from sklearn.feature_extraction.text import TfidfVectorizer  # late: it takes a second to import

        vectors = TfidfVectorizer(analyzer=words).fit_transform(self._prompts)  # pyright: ignore[reportArgumentType]
        found = []
        for row in at:
            similarity = (vectors[row] @ vectors.T).toarray().ravel()
            nearest = (-similarity).argsort(kind="stable").tolist()
            found.append(next((other for other in nearest if self.fit(row, other)), None))
        return found

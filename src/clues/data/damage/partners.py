"""What a row takes from another: the answer of a random or of the most similar other question, or its subject."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from clues.data.words import (
    Span,
    begins_sentence,
    find_run,
    languages,
    nearly_same,
    own_language,
    phrases,
    spans,
    words,
)

_TRIES = 100
"""Swaps tried before an answer from outside the circle is taken; subjects drawn before the first that fits is."""
UNCOMMON_SHARE, UNCOMMON_ROWS = 0.05, 2
"""A subject's words are in at most this share of the questions and of the answers, or in this many: others are the
words of questions ("symptoms", "treatment") or of the whole field."""
LETTERS = 4
"""Least letters of a subject of one word: a shorter one is an abbreviation or a part of a name."""


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


@dataclass(frozen=True)
class _Subject:
    core: list[str]
    """Uncommon words side by side, in the question and in the answer."""
    full: list[str]
    """The core and the common words beside it in both ("Tietze syndrome", "heart failure")."""
    name: str
    """The full words as the question or the answer writes them, with a small letter if either does."""


class Subjects:
    """What a question and its answer are both about, such as a disease, and the answer made to be about another."""

    def __init__(self, prompts: Sequence[str], answers: Sequence[str]) -> None:
        self._questions = [spans(prompt) for prompt in prompts]
        self._answers = [spans(answer) for answer in answers]
        most = max(UNCOMMON_ROWS, UNCOMMON_SHARE * len(prompts))
        rows = [
            Counter(word for text in texts for word in {word for word, _, _ in text})
            for texts in (self._questions, self._answers)
        ]
        self._everyday = {word.casefold() for common in languages().values() for word in common}
        self._common = self._everyday | {word for count in rows for word, times in count.items() if times > most}
        self._subjects = [self._subject(*texts) for texts in zip(prompts, answers, strict=True)]
        self._named = [subject for subject in self._subjects if subject]

    def _subject(self, prompt: str, answer: str) -> _Subject | None:
        """That of the longest core, in words, then in letters; none where the answer has only a part of the name."""
        found = spans(answer)
        cores = [(phrase, *core) for phrase in phrases(prompt) for core in self._cores(phrase, found)]
        if not cores:
            return None
        phrase, start, end = max(cores, key=lambda core: (core[2] - core[1], _letters(*core)))
        there = [word for word, _, _ in phrase]
        core, everyday = there[start:end], self._everyday if own_language(answer) else self._common
        while end < len(there) and there[end] not in everyday and find_run(found, there[start : end + 1]):
            end += 1
        while start and there[start - 1] not in everyday and find_run(found, there[start - 1 : end]):
            start -= 1
        if not everyday.issuperset(there[max(0, start - 1) : start] + there[end : end + 1]):
            return None
        full = there[start:end]
        forms = [prompt[phrase[start][1] : phrase[end - 1][2]], *(answer[i:j] for i, j in find_run(found, full))]
        return _Subject(core, full, next((form for form in forms if form[0].islower()), forms[1]))

    def _cores(self, phrase: Sequence[Span], found: Sequence[Span]) -> Iterator[tuple[int, int]]:
        """Start and end of every run of uncommon words of the phrase that the answer has too."""
        there = [word for word, _, _ in phrase]
        for start in range(len(there)):
            for end in range(start + 1, len(there) + 1):
                run = there[start:end]
                if self._common.intersection(run) or not find_run(found, run):
                    break
                if len(run) > 1 or len(run[0]) >= LETTERS:
                    yield start, end

    def swapped(self, row: int, texts: Sequence[str], rng: random.Random) -> tuple[str, ...] | None:
        """The row's texts about another row's subject, drawn at random, that neither its question nor answer has."""
        mine = self._subjects[row]
        if mine is None:
            return None
        there = (self._questions[row], self._answers[row])
        # Where hardly any subject fits, the first that does is taken.
        for its in chain((rng.choice(self._named) for _ in range(_TRIES)), self._named):
            if not any(find_run(found, its.core) for found in there) and not find_run(spans(its.name), mine.core):
                new = tuple(_renamed(_renamed(text, mine.full, its.name), mine.core, its.name) for text in texts)
                return new if new != tuple(texts) else None  # the same where the subject spans two turns
        return None


def _letters(phrase: Sequence[Span], start: int, end: int) -> int:
    return sum(len(word) for word, _, _ in phrase[start:end])


def _renamed(text: str, subject: Sequence[str], name: str) -> str:
    for start, end in reversed(find_run(spans(text), subject)):
        # A capital that only begins the sentence says nothing about the name; it is needed there all the same.
        first = name[0].upper() if text[start].isupper() and begins_sentence(text, start) else name[0]
        text = text[:start] + first + name[1:] + text[end:]
    return text

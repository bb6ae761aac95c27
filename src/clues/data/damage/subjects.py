"""What a question and its answer are both about, and the answer made to be about another row's subject."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from clues.data.words import Span, begins_sentence, find_run, languages, own_language, phrases, spans

_TRIES = 100
"""Subjects drawn before the first that fits is taken."""
UNCOMMON_SHARE, UNCOMMON_ROWS = 0.05, 2
"""A subject's words are in at most this share of the questions and of the answers, or in this many: others are the
words of questions ("symptoms", "treatment") or of the whole field."""
LETTERS = 4
"""Least letters of a subject of one word: a shorter one is an abbreviation or a part of a name."""


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

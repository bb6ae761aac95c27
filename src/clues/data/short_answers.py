"""Short answers: classes, choices, numbers, codes, spans. Which tasks of such answers public rows show, and what else
a row of a task might have answered.

A task is what its prompts have in common (their first or last words), and the answers given to them: a *closed* task
has a set of labels that come again and again, an *open* one has answers of one form, such as numbers.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from clues.data.words import piece_spans, words

SHORT = 5
"""Pieces of the longest answer that is short whatever it says: a number with its unit, two labels, a short span."""
SENTENCE = 15
"""Pieces of the longest answer that is a label where it comes again: "The sentiment of this text is negative."."""
LEAST = 4
"""Public rows of a task, and of a beginning or an end that prompts have in common; fewer may be alike by chance."""
COMMON = 0.1
"""Share of the short public rows that a beginning or an end must have, too."""
ENDS = 4
"""Words of a prompt's beginning and end by which it is known."""
CLOSED = 0.5
"""Share of a task's answers that come twice or more, from which on its answers are a set of labels."""

_DATE = re.compile(r"(\d{1,4}[./-]\d{1,2}[./-]\d{1,4})|(\d{1,2}\.? \w+ \d{4})|(\w+ \d{1,2}, \d{4})")
_OPTION = re.compile(r"\(?[A-Z]\)?[.)]?(\s*[,;/&+]\s*\(?[A-Z]\)?[.)]?)*")
_NUMBER = re.compile(r"[^\w\s]*\s?\d[\d\s.,:/–-]*(\s?[^\W\d]+|\s?[^\w\s]+){0,2}|[^\W\d]{1,3}\s?\d[\d\s.,]*")
_CODE = re.compile(r"(?=\S*\d)(?=\S*[^\W\d_])\S+")


def form(answer: str) -> str:
    """What an answer looks like: `json` with its keys, `option`, `date`, `number`, `code` or `text`."""
    text = answer.strip()
    if keys := _keys(text):
        return f"json {' '.join(keys)}"
    forms = (("option", _OPTION), ("date", _DATE), ("number", _NUMBER), ("code", _CODE))
    return next((name for name, pattern in forms if pattern.fullmatch(text)), "text")


def _keys(text: str) -> list[str]:
    if not text.startswith("{"):
        return []
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return sorted(found) if isinstance(found, dict) else []


def normal(answer: str) -> str:
    """An answer as answers are compared: "Negative." is "negative"."""
    return " ".join(answer.casefold().split()).rstrip(".!。！")


def size(answer: str) -> int:
    """Pieces of an answer; a JSON object counts as its values."""
    return len(piece_spans(" ".join(map(str, json.loads(answer).values())) if _keys(answer.strip()) else answer))


@dataclass(frozen=True)
class Task:
    """One task among the public rows."""

    pattern: str
    """What its prompts begin or end with; empty: nothing in common."""
    form: str
    """Of its answers; empty for a closed task, whose labels may be of several."""
    answers: tuple[str, ...]
    """The different answers of its public rows as they are written, the most frequent first, then by their text."""

    @property
    def closed(self) -> bool:
        """Whether the answers are a set of labels."""
        return not self.form

    @cached_property
    def longest(self) -> int:
        """Pieces of the longest answer."""
        return max(map(size, self.answers))

    @cached_property
    def known(self) -> frozenset[str]:
        """The answers as answers are compared."""
        return frozenset(map(normal, self.answers))

    def others(self, answer: str, most: int | None = None) -> tuple[str, ...]:
        """What a row might have answered in place of `answer`: the most frequent other answers, or all."""
        own = normal(answer)
        return tuple(other for other in self.answers if normal(other) != own)[:most]


@dataclass(frozen=True)
class ShortAnswers:
    """The tasks of short answers that public validation rows show; none where all answers are free text."""

    tasks: tuple[Task, ...] = ()
    _patterns: Mapping[str, int] = field(default_factory=dict)
    """Beginning or end of prompts -> how many short public rows have it."""

    @staticmethod
    def of(prompts: Sequence[str], answers: Sequence[str]) -> ShortAnswers:
        """From public rows: prompt and answer of each. The same rows give the same tasks wherever they are read."""
        counts = Counter(map(normal, answers))
        rows = [
            (prompt, answer)
            for prompt, answer in zip(prompts, answers, strict=True)
            if 0 < size(answer) <= (SENTENCE if counts[normal(answer)] > 1 else SHORT)
        ]
        least = max(LEAST, COMMON * len(rows))
        ends = Counter(end for prompt, _ in rows for end in _ends(prompt))
        patterns = {end: count for end, count in ends.items() if count >= least}
        groups: dict[str, list[str]] = defaultdict(list)
        for prompt, answer in rows:
            groups[_pattern(prompt, patterns)].append(answer)
        tasks = [task for pattern, some in sorted(groups.items()) for task in _tasks(pattern, some)]
        return ShortAnswers(tuple(tasks), patterns)

    def task_of(self, prompt: str, responses: Sequence[str]) -> int | None:
        """Position of a row's task; None for free text, a conversation of several answers, or an answer like none."""
        if not self.tasks or len(responses) != 1 or not (length := size(responses[0])):
            return None
        answer, pattern, looks = normal(responses[0]), _pattern(prompt, self._patterns), form(responses[0])
        fits: list[tuple[bool, bool, int]] = []
        for at, task in enumerate(self.tasks):
            known = answer in task.known
            same = task.pattern == pattern
            alike = length <= max(SHORT, task.longest) if task.closed else length <= SHORT and task.form == looks
            if known or (same and alike) or (not task.closed and alike):
                fits.append((same, known, -at))
        return -max(fits)[2] if fits else None


def _ends(prompt: str) -> Iterator[str]:
    """What a prompt begins and ends with; a prompt that is no longer is its own beginning."""
    found = words(prompt)
    if len(found) > ENDS:
        yield "… " + " ".join(found[-ENDS:])
    yield " ".join(found[:ENDS]) + " …"


def _pattern(prompt: str, patterns: Mapping[str, int]) -> str:
    """The most frequent of the known beginnings and ends that a prompt has."""
    return max((end for end in _ends(prompt) if end in patterns), key=lambda end: (patterns[end], end), default="")


def _tasks(pattern: str, answers: Sequence[str]) -> Iterator[Task]:
    """One closed task, or one open task for each form."""
    counts = Counter(map(normal, answers))
    again = sum(count for count in counts.values() if count > 1)
    if len(counts) > 1 and again >= CLOSED * len(answers):
        parts: Iterable[tuple[str, list[str]]] = [("", list(answers))]
    else:
        by_form: dict[str, list[str]] = defaultdict(list)
        for answer in answers:
            by_form[form(answer)].append(answer)
        parts = sorted(by_form.items())
    for shape, some in parts:
        if len(some) >= LEAST and len({normal(answer) for answer in some}) > 1:
            yield Task(pattern, shape, _by_frequency(some))


def _by_frequency(answers: Sequence[str]) -> tuple[str, ...]:
    """One writing of each answer, its most frequent."""
    writings: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        writings[normal(answer)][answer.strip()] += 1
    ordered = sorted(writings.values(), key=lambda some: (-some.total(), min(some)))
    return tuple(max(sorted(some), key=lambda one: some[one]) for some in ordered)

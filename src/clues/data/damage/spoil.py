"""Known damage: spoiling answers so that selection can be measured and directions can contrast good with bad.

Words are the unit, characters where a language writes without spaces. In a row with several responses every response
is spoiled (one that is too short stays as it is while another can be spoiled), and an exchange takes all of them from
one other row. Everything is drawn from the seed alone: the same input gives the same result in every process.
"""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import cycle, islice
from typing import Any

from clues.data.damage.edits import EDITS
from clues.data.damage.partners import Partners, Subjects
from clues.data.damage.subtle import SUBTLE_EDITS
from clues.data.rows import Row
from clues.data.words import words
from clues.errors import CannotSpoil

KINDS = ("cut", "deletion", "exchange", "near-exchange", "noise", "mixed-language", "repetition")
SUBTLE = ("number", "negation", "name")
"""Damage to what an answer says: it stays fluent, complete and on its question."""
HARMLESS = ("typos",)
"""Edits that leave an answer good, to measure that it is not dropped for them."""
LABEL = "clues_label"
"""Field of the record that says `clean` or the kind of damage. Only `clues.evaluation` reads it."""

_NEEDS = {
    "cut": "an answer of at least two words",
    "deletion": "an answer of at least two words",
    "exchange": "a row with another question and a different answer",
    "near-exchange": "questions, and a row with another question and a different answer",
    "noise": "words, in this answer or another",
    "mixed-language": "an answer of at least one word",
    "repetition": "an answer of at least one word",
    "number": "a number in the answer, in digits or in words of a language that is known",
    "negation": "a statement that can be turned, in English, French, Italian or Spanish",
    "name": "an uncommon word that question and answer share, and a row about another",
    "typos": "a word of at least four letters",
}
_EDITS = EDITS | SUBTLE_EDITS
_PROMPT_FIELDS = ("prompt", "question", "instruction", "input")

Responses = tuple[str, ...]


def spoil(responses: Sequence[str], kind: str, rng: random.Random, prompts: Sequence[str] | None = None) -> list[str]:
    """Every response spoiled in one way, in the same order; none equals its original.

    `prompts`, parallel to the responses, are needed for near-exchange and name; they also keep an exchange from taking
    another answer to the same question. Raises CannotSpoil with the position of a response for which there is no such
    text.
    """
    corpus = _Corpus([(response,) for response in responses], prompts or [""] * len(responses))
    texts = corpus.spoil(range(len(responses)), kind, rng)
    return [_found(text, kind, f"response {position}")[0] for position, text in enumerate(texts)]


def spoiled(rows: Sequence[Row], kind: str, seed: int) -> list[Row]:
    """All rows spoiled in one way; an exchange passes the answers round so that every row gets another row's.

    Raises CannotSpoil with file and line of a row for which there is no such text.
    """
    texts = _Corpus.of(rows).spoil(range(len(rows)), kind, random.Random(f"spoiled {kind} {seed}"))
    return [
        _labelled(row, _found(text, kind, f"{row.file}:{row.line}"), kind)
        for row, text in zip(rows, texts, strict=True)
    ]


def corrupt_rows(rows: Sequence[Row], share: float, kinds: Sequence[str], seed: int | str) -> list[Row]:
    """Spoil round(share · rows) rows in equal parts of the kinds; order kept, every record labelled.

    A row that cannot be spoiled in the way drawn for it stays clean, and the next row of the random order takes its
    place. If there is none left, it is spoiled in another way, or another row is if no way works; a warning counts
    these. Raises CannotSpoil if too few rows can be spoiled, ValueError for a bad share or kind.
    """
    _check(share, kinds)
    rng = random.Random(f"corrupt {seed}")
    order = rng.sample(range(len(rows)), len(rows))
    count = round(share * len(rows))
    corpus = _Corpus.of(rows)
    done: dict[int, tuple[str, Responses]] = {}
    spare = order[count:]
    for turn, kind in enumerate(rng.sample(list(kinds), len(kinds))):
        mine = order[turn : count : len(kinds)]
        texts = dict(zip(mine, corpus.spoil(mine, kind, rng), strict=True))
        failed = [at for at, text in texts.items() if text is None]
        texts |= _from_spare(spare, len(failed), corpus, kind, rng)
        spare = [at for at in spare if at not in texts] + failed
        done |= {at: (kind, text) for at, text in texts.items() if text is not None}
    if len(done) < count:
        _fill_up(done, corpus, [at for at in order if at not in done], kinds, count, rng)
    return [_labelled(row, done[at][1], done[at][0]) if at in done else _clean(row) for at, row in enumerate(rows)]


def _from_spare(
    spare: Sequence[int], count: int, corpus: _Corpus, kind: str, rng: random.Random
) -> dict[int, Responses]:
    """Spoiled responses of the first `count` spare rows for which there are any."""
    found: dict[int, Responses] = {}
    for at in spare if count else ():
        (text,) = corpus.spoil([at], kind, rng)
        if text is not None:
            found[at] = text
        if len(found) == count:
            break
    return found


def _check(share: float, kinds: Sequence[str]) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"the share of spoiled rows is {share}; it lies between 0 and 1")
    unknown = [kind for kind in kinds if kind not in _NEEDS]
    if unknown or not kinds:
        raise ValueError(f"kinds of damage: {', '.join(unknown) or 'none given'}; known: {', '.join(_NEEDS)}")


def _fill_up(
    done: dict[int, tuple[str, Responses]],
    corpus: _Corpus,
    candidates: Sequence[int],
    kinds: Sequence[str],
    count: int,
    rng: random.Random,
) -> None:
    """Spoil further rows in the first way that works, until there are `count`; the rows that failed come first."""
    missing = count - len(done)
    for at in candidates:
        for kind in rng.sample(list(kinds), len(kinds)):
            (text,) = corpus.spoil([at], kind, rng)
            if text is not None:
                done[at] = (kind, text)
                break
        if len(done) == count:
            warnings.warn(f"{missing} of {count} rows could not be spoiled as drawn; see {LABEL}", stacklevel=3)
            return
    needs = "; ".join(f"{kind} needs {_NEEDS[kind]}" for kind in kinds)
    raise CannotSpoil(f"only {len(done)} of {count} rows can be spoiled: add kinds or lower the share ({needs})")


class _Corpus:
    """The rows that spoiled texts are made from: the exchanges' partners, the noise's vocabulary."""

    def __init__(self, responses: Sequence[Responses], prompts: Sequence[str]) -> None:
        self._responses = responses
        self._prompts = prompts
        self._answers = ["\n\n".join(texts) for texts in responses]
        self._partners = Partners(prompts, self._answers)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Corpus:
        return cls([row.responses for row in rows], [row.prompt for row in rows])

    def spoil(self, at: Sequence[int], kind: str, rng: random.Random) -> list[Responses | None]:
        """Spoiled responses of the rows at these positions; None where there is no such text."""
        if kind == "exchange":
            return self._exchanged(at, self._partners.at_random(at, rng))
        if kind == "near-exchange":
            return self._exchanged(at, self._partners.most_similar(at))
        if kind == "name":
            return [self._subjects.swapped(i, self._responses[i], rng) for i in at]
        if kind not in _EDITS:
            raise ValueError(f"unknown kind of damage {kind!r}; known: {', '.join(_NEEDS)}")
        return [self._edited(self._responses[i], kind, rng) for i in at]

    def _exchanged(self, at: Sequence[int], partners: Sequence[int | None]) -> list[Responses | None]:
        """The partner's responses, turn by turn; from the first again if the partner has fewer turns."""
        return [
            None if j is None else tuple(islice(cycle(self._responses[j]), len(self._responses[i])))
            for i, j in zip(at, partners, strict=True)
        ]

    def _edited(self, texts: Responses, kind: str, rng: random.Random) -> Responses | None:
        results = [_EDITS[kind](text, rng, self._vocabulary) for text in texts]
        if all(result is None for result in results):
            return None
        return tuple(text if result is None else result for text, result in zip(texts, results, strict=True))

    @cached_property
    def _subjects(self) -> Subjects:
        return Subjects(self._prompts, self._answers)

    @cached_property
    def _vocabulary(self) -> list[str]:
        # Sorted: the order of a set of strings differs between processes.
        return sorted({word for texts in self._responses for text in texts for word in words(text)})


def _found(text: Responses | None, kind: str, where: str) -> Responses:
    if text is None:
        raise CannotSpoil(f"{where}: cannot be spoiled by {kind}, which needs {_NEEDS[kind]}")
    return text


def _clean(row: Row) -> Row:
    return replace(row, record={**row.record, LABEL: "clean"})


def _labelled(row: Row, responses: Responses, label: str) -> Row:
    """The row with other responses, in its messages and in whichever fields of its record hold the old ones."""
    new: dict[str, list[str]] = defaultdict(list)
    for old, text in zip(row.responses, responses, strict=True):
        new[old.strip()].append(text)
    record = _renewed(row.record, new)
    if record == row.record:
        raise ValueError(f"{row.file}:{row.line}: no field holds the row's answer; there are {', '.join(row.record)}")
    return replace(row.with_responses(responses), record={**record, LABEL: label})


def _renewed(value: Any, new: dict[str, list[str]]) -> Any:
    """A copy of a record, or of a part of it, with new texts for old ones; prompts are left alone."""
    if isinstance(value, str) and value.strip() in new:
        texts = new[value.strip()]  # several where a conversation gives the same response twice: used in order
        return texts.pop(0) if len(texts) > 1 else texts[0]
    if isinstance(value, list):
        return [_renewed(item, new) for item in value]
    if isinstance(value, dict) and value.get("role", value.get("from")) not in ("user", "human", "system"):
        return {key: item if key in _PROMPT_FIELDS else _renewed(item, new) for key, item in value.items()}
    return value

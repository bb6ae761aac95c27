"""Known damage: spoiling answers so that selection can be measured and directions can contrast good with bad.

Words as they are written (`clues.data.words`) are the unit. In a row with several responses every response
is spoiled (one that is too short stays as it is while another can be spoiled), and an exchange takes all of them from
one other row. Everything is drawn from the seed alone: the same input gives the same result in every process.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from typing import TypeVar

from clues.config.names import Damage
from clues.data.damage.corpus import Corpus, Responses
from clues.data.damage.labelled import LABEL, clean_row, spoiled_row
from clues.data.rows import Row
from clues.data.short_answers import ShortAnswers
from clues.errors import CannotSpoil

T = TypeVar("T")

KINDS: tuple[Damage, ...] = ("cut", "deletion", "exchange", "near-exchange", "noise", "mixed-language", "repetition")
LABELS: tuple[Damage, ...] = ("label",)
"""Damage to short answers: another answer that the same task has."""
SUBTLE: tuple[Damage, ...] = ("number", "negation", "name")
"""Damage to what an answer says: it stays fluent, complete and on its question."""
HARMLESS: tuple[Damage, ...] = ("typos",)
"""Edits that leave an answer good, to measure that it is not dropped for them."""

_NEEDS = {
    "cut": "an answer of at least two words",
    "deletion": "an answer of at least two words",
    "exchange": "a row with another question and a different answer",
    "near-exchange": "questions, and a row with another question and a different answer",
    "noise": "words, in this answer or another",
    "mixed-language": "an answer of at least one word",
    "repetition": "an answer of at least one word",
    "label": "a short answer, and rows of the same task with other answers",
    "number": "a number in the answer, in digits or in words of a language that is known",
    "negation": "a statement that can be turned, in English, French, Italian or Spanish",
    "name": "an uncommon word that question and answer share, and a row about another",
    "typos": "a word of at least four letters",
}


def spoil(responses: Sequence[str], kind: str, rng: random.Random, prompts: Sequence[str] | None = None) -> list[str]:
    """Every response spoiled in one way, in the same order; none equals its original.

    `prompts`, parallel to the responses, are needed for near-exchange and name; they also keep an exchange from taking
    another answer to the same question. Raises CannotSpoil with the position of a response for which there is no such
    text.
    """
    _check_kinds([kind])
    corpus = Corpus([(response,) for response in responses], prompts or [""] * len(responses))
    texts = corpus.spoil(range(len(responses)), kind, rng)
    return [_found(text, kind, f"response {position}")[0] for position, text in enumerate(texts)]


def spoiled(rows: Sequence[Row], kind: str, seed: int) -> list[Row]:
    """All rows spoiled in one way; an exchange passes the answers round so that every row gets another row's.

    Raises CannotSpoil with file and line of a row for which there is no such text, ValueError for an unknown kind.
    """
    made = spoiled_where_possible(rows, kind, seed)
    return [_found(new, kind, f"{row.file}:{row.line}") for row, new in zip(rows, made, strict=True)]


def spoiled_where_possible(
    rows: Sequence[Row], kind: str, seed: int, short: ShortAnswers | None = None
) -> list[Row | None]:
    """The same, with None for a row for which there is no such text.

    `short`: the tasks that `label` takes other answers from; by default those that the rows show.
    """
    _check_kinds([kind])
    texts = Corpus.of(rows, short).spoil(range(len(rows)), kind, random.Random(f"spoiled {kind} {seed}"))
    return [None if text is None else spoiled_row(row, text, kind) for row, text in zip(rows, texts, strict=True)]


def corrupt_rows(rows: Sequence[Row], share: float, kinds: Sequence[str], seed: int | str) -> list[Row]:
    """Spoil round(share · rows) rows in equal parts of the kinds; order kept, every record labelled.

    A row that cannot be spoiled in the way drawn for it stays clean, and the next row of the random order takes its
    place. If there is none left, it is spoiled in another way, or another row is if no way works; a warning counts
    these. Raises CannotSpoil if too few rows can be spoiled, ValueError for a bad share or kind.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of spoiled rows is {share}; it lies between 0 and 1")
    _check_kinds(kinds)
    rng = random.Random(f"corrupt {seed}")
    order = rng.sample(range(len(rows)), len(rows))
    count = round(share * len(rows))
    corpus = Corpus.of(rows)
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
    return [spoiled_row(row, done[at][1], done[at][0]) if at in done else clean_row(row) for at, row in enumerate(rows)]


def _from_spare(
    spare: Sequence[int], count: int, corpus: Corpus, kind: str, rng: random.Random
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


def _check_kinds(kinds: Sequence[str]) -> None:
    unknown = [kind for kind in kinds if kind not in _NEEDS]
    if unknown or not kinds:
        raise ValueError(f"kinds of damage: {', '.join(unknown) or 'none given'}; known: {', '.join(_NEEDS)}")


def _fill_up(
    done: dict[int, tuple[str, Responses]],
    corpus: Corpus,
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


def _found(made: T | None, kind: str, where: str) -> T:
    if made is None:
        raise CannotSpoil(f"{where}: cannot be spoiled by {kind}, which needs {needs(kind)}")
    return made


def needs(kind: str) -> str:
    """What a row needs to be spoiled so."""
    return _NEEDS[kind]

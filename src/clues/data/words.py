"""What a word is, wherever clues counts, changes, compares or shades words; the language of a text, and how much two
texts share.

A *word* is a run of letters and digits with their marks. Single apostrophes, hyphens and underscores inside belong to
it ("don't", "COVID-19"), and so does what only joins letters ("می‌خواهم"). Where a script is written without spaces
(Han, kana, Thai, Lao, Khmer, Burmese and their like), each letter with its marks is one. Punctuation, symbols and emoji
are no words: "and/or" and "3.5" are two each.

A *piece* is a word as it is written, with all that touches it between two spaces ("(and/or", "3.5%"), or what stands
between two spaces without any word ("–"). Every word lies in one piece, and nothing of a text but its spaces lies in
none: so pieces are counted where a text is changed or its likelihood shared out (damage, the surprise of words,
shading), and words where texts are compared (ROUGE, questions, subjects, near-duplicates).

    text                      words                     pieces
    "Don't smoke (ever)!"     don't smoke ever          Don't | smoke | (ever)!
    "naïve – or 3.5 %"        naïve or 3 5              naïve | – | or | 3.5 | %
    "他说：「好」。ok"           他 说 好 ok                  他 | 说： | 「好」。 | ok
    "ไม่มี 2 วัน"               ไ ม่ มี 2 วั น               ไ | ม่ | มี | 2 | วั | น
    "हिन्दी 👍🏽"                हिन्दी                      हिन्दी | 👍🏽
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

import regex

NEAR_DUPLICATE = 0.7
"""Jaccard similarity of word triples from which on two texts are nearly the same."""

_UNSPACED = r"[[\p{Han}\p{scx=Hira}\p{scx=Kana}\p{Line_Break=Complex_Context}]&&[\p{L}\p{N}]]"
_SPACED = rf"[[\p{{L}}\p{{N}}]--{_UNSPACED}]"
_MARK = r"[\p{M}\p{Join_Control}\u00ad]"
"""What belongs to the letter before it: accents, vowel signs, and what only joins letters or lets them part."""
_INSIDE = r"['’_\-\u2010\u2011]"
"""Apostrophes, underscore and hyphens (U+2011 does not break)."""
_RUN = rf"{_SPACED}[{_SPACED}{_MARK}]*+"
_WORD = regex.compile(rf"(?V1){_RUN}(?:{_INSIDE}{_RUN})*+|{_UNSPACED}{_MARK}*+")
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:['_\-][a-z0-9]+)*")
_INSIDE_WORD = regex.compile(_INSIDE)

_OPENING = r"[\p{Ps}\p{Pi}]"
_SIGN = rf"{_OPENING}*+{_UNSPACED}{_MARK}*+[\p{{P}}--{_OPENING}]*+"
"""A letter of a script without spaces, with the punctuation that touches it."""
_PIECE = regex.compile(rf"(?V1)(?:[\S--[{_UNSPACED}{_OPENING}]]++|{_OPENING}++(?!{_UNSPACED}))++|{_SIGN}")
_BEGINS_ATTACHED = regex.compile(rf"(?V1)\s|{_SIGN}")
_ENDS_ATTACHED = regex.compile(rf"(?V1){_SIGN}$")
_SENTENCE_START = regex.compile(r"(?:^|[.!?:]\s+|[。！？]|\n\s*)$")

Span = tuple[str, int, int]
"""A word as it is compared, its start and its end in the text."""
_ENDINGS = ("", "s", "es", "'s", "’s")


def spans(text: str) -> list[Span]:
    """The words with start and end of each in the text, as they are compared: without case, and composed (NFC), so that
    both ways to write "é" are one."""
    return [(unicodedata.normalize("NFC", m.group().casefold()), *m.span()) for m in _WORD.finditer(text)]


def words(text: str) -> list[str]:
    """The words as they are compared."""
    if text.isascii():  # the same words at a fifth of the time, which a file of a million rows takes
        return _ASCII_WORD.findall(text.lower())
    return [word for word, _, _ in spans(text)]


def plain(text: str) -> str:
    """Letters and digits alone, a space for all between them: for comparing texts sign by sign."""
    return " ".join(part for word in words(text) for part in _INSIDE_WORD.split(word))


def piece_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every piece."""
    return [match.span() for match in _PIECE.finditer(text)]


def pieces(text: str) -> list[str]:
    """The pieces, each with the white space before it.

    Joined again they are the text without its trailing white space, so an edit of the pieces keeps line breaks and
    indents.
    """
    ends = [0, *(end for _, end in piece_spans(text))]
    return [text[start:end] for start, end in pairwise(ends)]


def join(parts: list[str]) -> str:
    """Pieces as a text: a space goes between two that an edit has put side by side, but next to a letter of a script
    without spaces."""
    text = ""
    for part in parts:
        apart = not text or _BEGINS_ATTACHED.match(part) or _ENDS_ATTACHED.search(text)
        text += part if apart else f" {part}"
    return text


def whole_words(pattern: str) -> regex.Pattern[str]:
    """A pattern that finds its words whole and in no longer word: not "not" in "not-for-profit"."""
    inside = rf"[\p{{L}}\p{{N}}{_MARK}{_INSIDE}]"
    return regex.compile(rf"(?V1)(?<!{inside})(?:{pattern})(?!{inside})")


def replace_word(piece: str, word: str) -> str:
    """The piece with another word in it, capital, white space and punctuation kept."""
    match = _WORD.search(piece)
    if match is None:
        return piece
    word = word.capitalize() if match.group()[0].isupper() else word
    return piece[: match.start()] + word + piece[match.end() :]


def phrases(text: str) -> list[list[Span]]:
    """The words of the text, cut wherever punctuation stands between two of them, but not inside "1q21.1", "and/or"."""
    found: list[list[Span]] = []
    for span in spans(text):
        between = text[found[-1][-1][2] : span[1]] if found else ""
        if found and (between in (".", "/") or not between.strip()):
            found[-1].append(span)
        else:
            found.append([span])
    return found


def find_run(found: Sequence[Span], run: Sequence[str]) -> list[tuple[int, int]]:
    """Start and end of every place where the words of the run stand side by side, the last also in the plural.

    `found` are the `spans` of a text. No two places overlap; a place ends before the ending of the plural.
    """
    places: list[tuple[int, int]] = []
    i, size = 0, len(run)
    while run and i + size <= len(found):
        last, _, end = found[i + size - 1]
        ending = last.removeprefix(run[-1]) if last.startswith(run[-1]) else None
        if ending in _ENDINGS and all(found[i + k][0] == run[k] for k in range(size - 1)):
            places.append((found[i][1], end - len(ending)))
            i += size
        else:
            i += 1
    return places


def begins_sentence(text: str, start: int) -> bool:
    """Whether a sentence begins at this place."""
    return bool(_SENTENCE_START.search(text[:start]))


@cache
def languages() -> dict[str, list[str]]:
    """Common words of some languages, written for this purpose."""
    return json.loads(files("clues.packaged").joinpath("words.json").read_text(encoding="utf-8"))


def own_language(text: str) -> str | None:
    """The language whose common words the text uses most often; None if it uses none, the first of several equals."""
    there = words(text)
    used = {language: sum(map(set(common).__contains__, there)) for language, common in languages().items()}
    best = max(used, key=lambda language: used[language])
    return best if used[best] else None


def shingles(text: str, size: int = 3) -> frozenset[str]:
    """All runs of `size` words; a shorter text is one run, a text without words stands for itself."""
    return runs_of(words(text) or [text.strip()], size)


def runs_of(units: Sequence[str], size: int = 3) -> frozenset[str]:
    """All runs of `size` of these words; fewer words are one run."""
    if len(units) <= size:
        return frozenset([" ".join(units)])
    return frozenset(map(" ".join, zip(*(units[i:] for i in range(size)), strict=False)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Share of the runs found in both, in [0, 1]."""
    return len(a & b) / len(a | b)


def nearly_same(a: str, b: str) -> bool:
    """Whether two texts are the same or near-duplicates."""
    return jaccard(shingles(a), shingles(b)) >= NEAR_DUPLICATE

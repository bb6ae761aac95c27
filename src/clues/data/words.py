"""The words of a text, also where a language writes without spaces, its language, and how much two texts share."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

NEAR_DUPLICATE = 0.7
"""Jaccard similarity of word triples from which on two texts are nearly the same."""

# Thai, Lao, Burmese, Khmer, kana and Han: every character (with its marks) is a unit of its own.
_UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff60"
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_PIECE = re.compile(rf"\s*(?:[{_UNSPACED}][{_MARKS}]*|[^\s{_UNSPACED}]+)")
_WORD = re.compile(rf"(?=\w)[{_UNSPACED}][{_MARKS}]*|[^\W{_UNSPACED}]+(?:['’\-][^\W{_UNSPACED}]+)*")
_ENDS_UNSPACED = re.compile(rf"[{_UNSPACED}{_MARKS}]$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|[。！？]|\n\s*)$")
_STARTS_ATTACHED = re.compile(rf"[\s{_UNSPACED}]")

Span = tuple[str, int, int]
"""A word without case, its start and its end in the text."""
_ENDINGS = ("", "s", "es", "'s", "’s")


def pieces(text: str) -> list[str]:
    """The text cut before every word, each piece with the white space before it and the punctuation after it.

    A character is a piece where a language writes no spaces. Joined again they are the text without its trailing
    white space, so an edit of the pieces keeps line breaks and indents.
    """
    return _PIECE.findall(text)


def join(parts: list[str]) -> str:
    """Pieces as a text: a space goes between two spaced words that an edit has put side by side."""
    text = ""
    for part in parts:
        apart = not text or _STARTS_ATTACHED.match(part) or _ENDS_UNSPACED.search(text)
        text += part if apart else f" {part}"
    return text


def words(text: str) -> list[str]:
    """Words without case and punctuation, for comparing and for a vocabulary."""
    return _WORD.findall(text.casefold())


def replace_word(piece: str, word: str) -> str:
    """The piece with another word in it, capital, white space and punctuation kept."""
    match = _WORD.search(piece)
    if match is None:
        return piece
    word = word.capitalize() if match.group()[0].isupper() else word
    return piece[: match.start()] + word + piece[match.end() :]


def spans(text: str) -> list[Span]:
    """The words with start and end of each in the text."""
    return [(match.group().casefold(), *match.span()) for match in _WORD.finditer(text)]


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
    units = words(text) or [text.strip()]
    return frozenset(" ".join(units[i : i + size]) for i in range(max(1, len(units) - size + 1)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Share of the runs found in both, in [0, 1]."""
    return len(a & b) / len(a | b)


def nearly_same(a: str, b: str) -> bool:
    """Whether two texts are the same or near-duplicates."""
    return jaccard(shingles(a), shingles(b)) >= NEAR_DUPLICATE

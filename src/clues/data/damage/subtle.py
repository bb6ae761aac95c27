"""Changing what one text says while it stays fluent: a number, a negation. And typos, which change nothing it says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import regex

from clues.data.words import begins_sentence, own_language, spans, whole_words, words

WORDS_PER_TYPO = 12
"""`typos`: one word in so many gets a slip, as in hasty writing; at least one does."""
TYPO_LETTERS = 4
"""Least letters of a word that gets a slip: in a shorter one it may give another word."""
GUARDED = (2, 3)
"""Words before and after a place of `negation` that may hold no negator: two of them would undo each other."""

# A group of three digits after a space belongs to the number before it ("10 000").
_NUMBER = re.compile(r"(?<!\d)\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,]\d+)*")
_YEAR = re.compile(r"(1[89]|20)(?!00)([0-9]{2})")
_SIGNIFICANT = re.compile(r"[1-9](?:.*[1-9])?", re.DOTALL)
_QUESTION = re.compile(r"(?:[^.!?\n]|[.!?](?!\s|$))*\?(?=\s|$)")

_NUMERALS = {
    "English": (
        "two three four five six seven eight nine",
        "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
        "twenty thirty forty fifty sixty seventy eighty ninety",
    ),
    "French": ("deux trois quatre cinq six sept huit", "vingt trente quarante cinquante soixante"),
    "Spanish": (
        "dos tres cuatro cinco seis siete ocho nueve",
        "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    ),
    "Italian": (
        "due tre quattro cinque sei sette otto nove",
        "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    ),
}
"""Number words of one order of magnitude, each of which fits where another stands."""


def change_number(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """One number becomes another of its format and order of magnitude, everywhere in the text.

    The first digit that is not zero always changes; leading and trailing zeros and separators stay; a year stays in
    its century, and before 2030. A number that belongs to a name ("T4", "type-2") is taken only if there is no other.
    In a text without digits a number word changes, in the languages that have a table.
    """
    found = list(_NUMBER.finditer(text))
    if not found:
        return _change_numeral(text, rng)
    free = [match for match in found if not re.search(r"[^\W\d_][-_]?$", text[: match.start()])]
    old = rng.choice(free or found).group()
    new = _other_number(old, rng)
    return _NUMBER.sub(lambda match: new if match.group() == old else match.group(), text)


def _other_number(number: str, rng: random.Random) -> str:
    if year := _YEAR.fullmatch(number):
        century, old = year.groups()
        return century + rng.choice([f"{y:02}" for y in range(1, 30 if century == "20" else 100) if y != int(old)])
    values = "".join(str(int(c)) if c.isdigit() else c for c in number)  # digits of any script
    significant = _SIGNIFICANT.search(values)
    start, end = significant.span() if significant else (len(values) - 1, len(values))
    digits = list(number)
    for i in range(start, end):
        if number[i].isdigit():
            # The ends stay significant, so that the number is as long and as round as it was.
            least = 1 if i in (start, end - 1) else 0
            drawn = [d for d in range(least, 10) if i != start or d != int(number[i])]
            digits[i] = chr(ord(number[i]) - int(number[i]) + rng.choice(drawn))
    return "".join(digits)


def _change_numeral(text: str, rng: random.Random) -> str | None:
    groups = [group.split() for group in _NUMERALS.get(own_language(text) or "", ())]
    there = [(word, group) for group in groups for word in group if word in words(text)]
    if not there:
        return None
    old, group = rng.choice(there)
    new = rng.choice([word for word in group if word != old])
    return whole_words(f"(?i:{old})").sub(lambda match: _like(match.group(), new), text)


def negate(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """One statement turned into its opposite: a negation put in or taken out, or else one word of a pair swapped.

    Questions are left alone, and so is "may" where there is anything firmer to turn. The languages are those of
    `statements.json`, recognised by the text.
    """
    table = _statements().get(own_language(text) or "")
    places = table and (table.places(text, table.negations) or table.places(text, table.opposites))
    if not places:
        return None
    start, end, new = rng.choice(places)
    return text[:start] + new + text[end:]


@dataclass(frozen=True)
class _Statements:
    """How statements are turned in one language; written for this purpose."""

    negators: list[str]
    negations: dict[str, str]
    """Phrase with or without a negation -> its opposite."""
    opposites: dict[str, str]
    """Word of a pair -> the other."""

    def places(self, text: str, pairs: Mapping[str, str]) -> list[tuple[int, int, str]]:
        """Start, end and opposite of every phrase that can be turned; one that is its own opposite is an idiom."""
        found = []
        text = text.replace("’", "'")
        for match in _phrases(tuple(pairs)).finditer(text) if pairs else ():
            old = match.group()
            new = _like(old, pairs[old[0].lower() + old[1:]])
            before, after = text[: match.start()], text[match.end() :]
            around = {*words(before)[-GUARDED[0] :], *words(after)[: GUARDED[1]]}
            inside = old[0].isupper() and not begins_sentence(text, match.start())
            if new != old and not inside and not _QUESTION.match(after) and around.isdisjoint(self.negators):
                found.append((*match.span(), new))
        return found


@cache
def _phrases(phrases: tuple[str, ...]) -> regex.Pattern[str]:
    """Any of the phrases, the longest that fits, its first letter in either case."""
    either = [
        f"[{phrase[0]}{phrase[0].upper()}]" + re.escape(phrase[1:]) for phrase in sorted(phrases, key=len, reverse=True)
    ]
    return whole_words("|".join(either))


def _like(old: str, new: str) -> str:
    """The new word with a capital where the old one has one."""
    return new[0].upper() + new[1:] if old[0].isupper() else new


@cache
def _statements() -> dict[str, _Statements]:
    """By language."""
    tables = json.loads(files("clues.packaged").joinpath("statements.json").read_text(encoding="utf-8"))
    return {language: _Statements(**table) for language, table in tables.items()}


def mistype(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """One word in twelve with a slip of the keyboard: two letters swapped, one lost or one doubled."""
    found = [(i, j) for _, i, j in spans(text) if j - i >= TYPO_LETTERS and text[i:j].isalpha()]
    count = min(len(found), max(1, round(len(words(text)) / WORDS_PER_TYPO)))
    for i, j in sorted(rng.sample(found, count), reverse=True):
        text = text[:i] + _slip(text[i:j], rng) + text[j:]
    return text if found else None


def _slip(word: str, rng: random.Random) -> str:
    i = rng.randrange(1, len(word) - 1)
    slips = [word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:]]
    if word[i] != word[i + 1]:
        slips.append(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
    return rng.choice(slips)


SUBTLE_EDITS: dict[str, Callable[[str, random.Random, Sequence[str]], str | None]] = {
    "number": change_number,
    "negation": negate,
    "typos": mistype,
}
"""Kind -> its edit of (text, generator, vocabulary), as in `edits.EDITS`; None where there is nothing to change."""

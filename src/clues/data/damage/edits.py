"""Spoiling one text by itself: cut, deletion, noise, mixed language, repetition."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence

from clues.data.words import join, languages, pieces, replace_word, words

SHARE_KEPT = (0.2, 0.6)
"""`cut`: least and largest share of the words kept."""
SHARE_CHANGED = 0.3
"""Share of the words that `deletion` takes away, `noise` adds and `mixed-language` replaces."""
SHARE_REPEATED = 0.5
"""`repetition`: the text grows by at least this share of its words."""
MIXED_IN = ("German", "French", "Spanish", "Italian", "Swedish")
"""`mixed-language`: languages that are mixed in. Not English, which a text in any language may cite."""

_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’»)\]」』]*$")


def cut(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """The first 20 to 60 % of the words."""
    parts = pieces(text)
    least, most = math.ceil(SHARE_KEPT[0] * len(parts)), math.floor(SHARE_KEPT[1] * len(parts))
    lengths = range(max(1, least), most + 1)
    # A cut at the end of a sentence would leave a shorter but whole answer: taken only if there is no other.
    inside = [length for length in lengths if not _SENTENCE_END.search(parts[length - 1])]
    return join(parts[: rng.choice(inside or lengths)]) if lengths else None


def delete(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """30 % of the words gone, here and there."""
    parts = pieces(text)
    if len(parts) < 2:
        return None
    gone = set(rng.sample(range(len(parts)), _part(parts)))
    return join([part for i, part in enumerate(parts) if i not in gone]).lstrip()


def add_noise(text: str, rng: random.Random, vocabulary: Sequence[str]) -> str | None:
    """30 % more words, drawn from the vocabulary and put in anywhere."""
    parts = pieces(text)
    if not vocabulary:
        return None
    for _ in range(_part(parts)):
        parts.insert(rng.randint(0, len(parts)), rng.choice(vocabulary))
    return join(parts)


def mix_languages(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """30 % of the words replaced by common words of one other language."""
    parts = pieces(text)
    own = set(words(text))
    foreign = {name: [w for w in languages()[name] if w not in own] for name in MIXED_IN}
    # The text's own language, if it is here, is the one most of whose common words it uses: never mix that one in.
    strangest = sorted(foreign, key=lambda language: len(foreign[language]))[1:]
    language = rng.choice(strangest)
    places = [i for i, part in enumerate(parts) if words(part)]
    for i in rng.sample(places, min(len(places), _part(parts))):
        parts[i] = replace_word(parts[i], rng.choice(foreign[language]))
    return join(parts) if places else None


def repeat(text: str, rng: random.Random, _: Sequence[str]) -> str | None:
    """One sentence, or a few words of a single sentence, said again until the text is half as long again."""
    parts = pieces(text)
    if not parts:
        return None
    start, end = rng.choice(_sentences(parts) or [_span(parts, rng)])
    again = [parts[start].lstrip(), *parts[start + 1 : end]]
    longer, least = text, math.ceil(SHARE_REPEATED * len(parts) / len(again))
    # Punctuation may join what was two pieces: then some more are needed, one for each that is missing at most.
    for times in range(least, least + len(parts) + 1):
        longer = join([*parts[:end], *(again * times), *parts[end:]])
        if len(pieces(longer)) >= (1 + SHARE_REPEATED) * len(parts):
            break
    return longer


def _sentences(parts: Sequence[str]) -> list[tuple[int, int]]:
    """Start and end of every sentence, if there are at least two."""
    ends = [i + 1 for i, part in enumerate(parts) if _SENTENCE_END.search(part)]
    spans = [(start, end) for start, end in zip([0, *ends], [*ends, len(parts)], strict=True) if start < end]
    return spans if len(spans) > 1 else []


def _span(parts: Sequence[str], rng: random.Random) -> tuple[int, int]:
    length = min(len(parts), rng.randint(3, 8))
    start = rng.randint(0, len(parts) - length)
    return start, start + length


def _part(parts: Sequence[str]) -> int:
    """Number of words changed: at least one, and never all of several."""
    return max(1, round(SHARE_CHANGED * len(parts)))


EDITS: dict[str, Callable[[str, random.Random, Sequence[str]], str | None]] = {
    "cut": cut,
    "deletion": delete,
    "noise": add_noise,
    "mixed-language": mix_languages,
    "repetition": repeat,
}
"""Kind of damage -> its edit of (text, generator, vocabulary); None where the text is too short for it."""

"""The vocabulary of the pages: plain words for criteria and kinds of damage, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from clues.folders.arm import Arm


@dataclass(frozen=True)
class CriterionWords:
    """How a page speaks of one criterion."""

    one: str
    """What is wrong with one row: it ..."""
    many: str
    """What is wrong with several rows: they ..."""
    asks: str
    """The question the criterion puts to an answer."""
    low: str
    """What a low value means."""


CRITERIA = {
    "fluency": CriterionWords(
        "reads badly",
        "read badly",
        "Does the answer read well?",
        "Low: the base model finds the wording unlikely; words are missing, garbled or mixed in. A few odd words, "
        "such as typing errors, count little.",
    ),
    "relevance": CriterionWords(
        "does not answer the question",
        "do not answer the question",
        "Does it answer its question?",
        "Low: its own question tells no more about the answer’s words than similar questions do; it may belong to "
        "another one.",
    ),
    "completeness": CriterionWords(
        "stops too early",
        "stop too early",
        "Does it come to its end?",
        "Low: the answer ends where the model expects more; it may have been cut off.",
    ),
    "novelty": CriterionWords(
        "repeats itself",
        "repeat themselves",
        "Does it go on, or say the same again?",
        "Low: some words in a row are all foreseen from what stands before them; the answer may repeat itself.",
    ),
    "label": CriterionWords(
        "has a wrong label",
        "have a wrong label",
        "Is it the label that this row should have?",
        "Low: other labels of the task are likelier, or learning from the row would move the model away from right "
        "ones.",
    ),
    "owner": CriterionWords(
        "was dropped by its owner",
        "were dropped by their owner",
        "What did the owner decide?",
        "An owner’s decision overrides the rule.",
    ),
}


@dataclass(frozen=True)
class ShadingWords:
    """How a page speaks of the underlined words of one criterion."""

    choice: str
    """What is underlined."""
    heading: str
    """Before the list of the words that count most."""
    sum: str
    """Before what all words add up to."""
    nothing: str
    """In place of an empty list."""


SHADINGS = {
    "fluency": ShadingWords(
        "words that read badly", "Speaks most against it", "All its words add up to", "No word stands out."
    ),
    "relevance": ShadingWords(
        "words that its question tells more about than others do",
        "Its own question tells most about",
        "A relevant answer has large ones; these add up to",
        "Its question tells no more about any word of this answer than others do.",
    ),
    "novelty": ShadingWords(
        "words said before, or as foreseen as such",
        "Foreseen most, as what was said before is",
        "An answer that goes on has larger ones; these add up to",
        "There is no word that could have been said before.",
    ),
}
"""Words against a row for fluency and novelty, words in its favour for relevance: a row dropped for relevance lacks
them."""

KINDS = {
    "cut": "cut off after a part of the words",
    "deletion": "words taken out",
    "exchange": "the answer of another question",
    "near-exchange": "the answer of a similar question",
    "noise": "random words mixed in",
    "mixed-language": "words of another language mixed in",
    "repetition": "parts repeated",
    "label": "another label of the task",
    "number": "a number changed",
    "negation": "the opposite said",
    "name": "another subject’s name in the place of its own",
    "typos": "typing errors, which leave an answer good",
}
"""Ways in which public or demonstration answers are edited on purpose; all but the last spoil them."""

ARMS = {
    "base": "nothing: the model as it came",
    "mixed": "all rows, good and bad",
    "clues": "the rows kept",
    "oracle": "the truly good rows",
}
"""What a compared model was trained on."""


def trained_on(name: str) -> str:
    """What a compared model was trained on."""
    if name in ARMS:
        return ARMS[name]
    arm = Arm.parse(name)
    return f"{ARMS[replace(arm, equal_epochs=False).name]}, as many passes as over all rows"


def criterion(name: str) -> CriterionWords:
    """Words for a criterion; one that a package brought, or a scorer, speaks by its own name."""
    fallback = CriterionWords(
        f"is below the anchors in {name}",
        f"are below the anchors in {name}",
        f"How does it do in {name}?",
        f"Low: the anchors do better in {name}.",
    )
    return CRITERIA.get(name, fallback)


def faults(reasons: Mapping[str, int]) -> str:
    """`6 do not answer the question, 3 stop too early and 1 reads badly`, most frequent first; empty without any."""
    counted = sorted(((n, name) for name, n in reasons.items() if n), reverse=True)
    return listed([f"{n} {criterion(name).one if n == 1 else criterion(name).many}" for n, name in counted])


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 row`, `1,204 rows`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def fixed(value: float, digits: int) -> str:
    """A number with a true minus sign and no negative zero."""
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if not float(text.replace(",", "")) else text.replace("-", "−")


def odds(evidence: float) -> str:
    """A log-likelihood ratio in plain words: `3.3 times likelier spoiled than good`."""
    times = math.exp(min(abs(evidence), 10))
    if times < 1.05:
        return "as likely good as spoiled"
    many = "over 1,000" if times > 1000 else fixed(times, 1 if times < 10 else 0)
    return f"{many} times likelier {'good than spoiled' if evidence > 0 else 'spoiled than good'}"


SPACE = "\u00a0"
"""Between a number and its unit: no line breaks there."""


def percent(share: float, digits: int = 0) -> str:
    return f"{fixed(100 * share, digits)}{SPACE}%"


def data_size(n_bytes: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            return f"{n_bytes:,.0f}{SPACE}bytes" if unit == "bytes" else f"{n_bytes:,.1f}{SPACE}{unit}"
        n_bytes /= 1000
    raise AssertionError("the loop returns")


def duration(seconds: float) -> str:
    """`0.3 s`, `44 s`, `2 min 28 s`, `3 h 5 min`."""
    if round(seconds) < 60:
        return f"{seconds:.1f}{SPACE}s" if seconds < 10 else f"{seconds:.0f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    parts = (minutes, "min", rest, "s") if minutes < 60 else (minutes // 60, "h", minutes % 60, "min")
    return SPACE.join(map(str, parts))


def day(date: str) -> str:
    """An ISO time as `2026-11-24 14:03`, any offset kept as it is; other text unchanged."""
    return date[:16].replace("T", " ") if len(date) >= 16 and date[10] == "T" else date

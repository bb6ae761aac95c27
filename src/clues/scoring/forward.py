"""Forward channels: what the base model's likelihoods alone say about a row, before any training.

A forward channel is an entry of `FORWARD_CHANNELS`: its name, its formula, the criterion that counts it, and the scale
on which rows are compared by it. Nothing else has to be changed for another one.

W word, as it is written (a piece of `clues.data.words`). The surprise of a word is the sum of its tokens'
negative log-likelihoods, so that how a tokenizer splits words does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from clues.scoring.channel import FORWARD, Channel
from clues.scoring.readings import Readings, RowReading, end_likelihood

if TYPE_CHECKING:
    from clues.data.encoding import Encoded
    from clues.data.rows import Row

CONTRASTS = 2
"""Other questions that an answer is read under, the most similar public ones (docs/research/LOG.md)."""
GAIN_TOKENS = 60
"""The question's information gain is looked for in the first tokens of an answer: later ones follow from the answer
itself."""
TOP_TOKENS = 5
"""And counted in the tokens that it tells most about, the names and terms that question and answer share: an answer to
another question has none, and what the question does not touch only adds noise (docs/research/LOG.md)."""
SURPRISING = 0.2
"""Share of a row's words, the most surprising ones, that count no more than the most surprising of the others: typing
errors are few and very surprising, damage is spread over an answer (docs/research/LOG.md)."""
WORDS_IN_A_ROW = 5
"""Words in a row that are all foreseen, without any question, were said before."""


def fluency(row: RowReading) -> np.ndarray:
    """Minus the mean surprise of the words, of which those of the most surprising fifth count no more than the most
    surprising of the others (a winsorised mean). A word's tokens have terms in proportion to their surprise; the end of
    a response is no word."""
    nll, places = row.conditional, row.places[: len(row.conditional)]
    surprise = np.bincount(places[places >= 0], nll[places >= 0])
    if not surprise.any():
        return np.zeros(len(nll), np.float32)
    count = len(np.unique(places[places >= 0]))
    most = np.sort(surprise)[::-1][int(SURPRISING * count)]
    factor = np.minimum(surprise, most) / np.maximum(surprise, np.finfo(np.float32).tiny) / count
    return np.where(places >= 0, -nll * factor[places], 0).astype(np.float32)


def relevance(row: RowReading) -> np.ndarray:
    """The five largest gains, among the first 60 tokens, of ℓ_t(a|q') − ℓ_t(a|q), the mean over similar questions q'
    (ℓ_t(a) in its place where there is none): what this question tells that another does not (after IRA, arXiv
    2410.11540)."""
    # The tokens are the same whatever the prompt; a truncated row is shorter with a longer one.
    used = min(GAIN_TOKENS, len(row.reference), len(row.conditional))
    gain = row.reference[:used] - row.conditional[:used]
    top = np.argsort(-gain, kind="stable")[:TOP_TOKENS]
    terms = np.zeros(len(row.conditional), np.float32)
    terms[top] = gain[top]
    return terms


def novelty(row: RowReading) -> np.ndarray:
    """The least mean surprise of five words in a row (of all words where there are not more), without any question:
    words that are all foreseen repeat what was said."""
    nll, terms = row.alone, np.zeros(len(row.places), np.float32)
    inside = np.flatnonzero(row.places[: len(nll)] >= 0)
    if not len(inside):
        return terms
    words, place = np.unique(row.places[inside], return_inverse=True)
    size = min(WORDS_IN_A_ROW, len(words))
    first = int(np.convolve(np.bincount(place, nll[inside]), np.ones(size), "valid").argmin())
    chosen = inside[(place >= first) & (place < first + size)]
    terms[chosen] = nll[chosen] / size
    return terms


def completeness(row: RowReading) -> float:
    """The log-probability of the end token; NaN in a truncated row."""
    return end_likelihood(row.conditional, row.ends)


@dataclass(frozen=True)
class LogScale:
    """Sizes of likelihoods have long tails to the bad side only; their logarithms have not."""

    sign: Literal[1, -1]
    """Of the channel's values; what has the other sign is as small as can be told."""
    least: float
    """Size below which nothing can be told."""

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return self.sign * np.log(np.maximum(self.sign * values, self.least))


@dataclass(frozen=True)
class ForwardChannel:
    """All there is to the channel `<name>.forward`."""

    name: str
    formula: Callable[[RowReading], np.ndarray | float]
    """A row's terms [T], one per response token, which add up to its value; if not `by_token`, the value itself, NaN
    where there is none."""
    criterion: str
    """The one of `criteria.CRITERIA` that counts it; empty: none."""
    scale: LogScale | None = None
    """On which rows are compared by it; None: as it is."""
    by_token: bool = True
    """Whether explanations.parquet has its terms, in a column of its name."""

    @property
    def channel(self) -> Channel:
        """Its column and kind."""
        return Channel(self.name, FORWARD)


FORWARD_CHANNELS = (
    ForwardChannel("fluency", fluency, "fluency", LogScale(-1, 1e-4)),
    ForwardChannel("relevance", relevance, "relevance", LogScale(1, 1e-2)),
    ForwardChannel("novelty", novelty, "novelty", LogScale(1, 1e-3)),
    ForwardChannel("completeness", completeness, "completeness", LogScale(-1, 1e-4), by_token=False),
)
"""Every one, in the order of the columns."""


@dataclass(frozen=True)
class Forward:
    """Forward channels of rows and the token terms they are made of."""

    channels: dict[str, np.ndarray]
    """Column -> float32 [rows]; NaN where a row has no such value (no end token in a truncated row)."""
    terms: dict[str, list[np.ndarray]]
    """Name of a channel -> per row, one term per response token; they add up to the channel."""


def forward_channels(readings: Readings, rows: Sequence[Row], encoded: Sequence[Encoded]) -> Forward:
    """`FORWARD_CHANNELS` from token NLLs under the base model.

    Args:
        readings: of these rows. rows: for their texts. encoded: the rows with their prompts.
    """
    found = Forward({}, {})
    read = list(readings.by_row(rows, encoded))
    for entry in FORWARD_CHANNELS:
        made = [np.asarray(entry.formula(row)) for row in read]
        found.channels[entry.channel.column] = np.array([one.sum() for one in made], np.float32)
        if entry.by_token:
            found.terms[entry.name] = made
    return found


def counted_for(criterion: str) -> tuple[Channel, ...]:
    """The forward channels that a criterion counts."""
    return tuple(entry.channel for entry in FORWARD_CHANNELS if entry.criterion == criterion)


def on_its_scale(channel: Channel, values: np.ndarray) -> np.ndarray:
    """A channel's values [rows] on the scale on which rows are compared."""
    scale = next((entry.scale for entry in FORWARD_CHANNELS if entry.channel == channel), None)
    return values if scale is None else scale(values)

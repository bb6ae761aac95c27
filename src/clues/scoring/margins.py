"""Margins: how much likelier a short answer is than the others that its task knows, all read in one pass over the row.

Another answer is counted by the first token in which it differs from the row's own: up to there both are the same
text, so the likelihoods at the row's own tokens say how likely each of them is. For N rows of any number of labels this
is one forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clues.data.batches import Batch
from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.data.short_answers import ShortAnswers
from clues.models.base import LanguageModel
from clues.models.likelihood import log_probabilities
from clues.scoring.passes import RowsDone, batchwise, device_of, under_precision

OTHERS = 300
"""Other answers at most, the most frequent. They cost nothing but memory: one number for each that differs."""


@dataclass(frozen=True)
class Rivals:
    """What a row of T response tokens might have said instead."""

    events: tuple[tuple[int, int], ...]
    """Place among the response tokens and token: the row's own answer up to the place, then another token. Several
    answers that go on with the same token are one event."""

    @property
    def last(self) -> int:
        """The last place in which some other answer differs: from there on the row's own answer is settled."""
        return max(place for place, _ in self.events)

    @staticmethod
    def of(own: Sequence[int], others: Sequence[Sequence[int]]) -> Rivals:
        """From the response tokens of the row and of the other answers, end tokens included."""
        found = {}
        for other in others:
            place = next((i for i, (a, b) in enumerate(zip(own, other, strict=False)) if a != b), None)
            if place is not None:
                found[place, other[place]] = None
        return Rivals(tuple(found))


def rivals_of(rows: Sequence[Row], encoded: Sequence[Encoded], short: ShortAnswers, lm: LanguageModel) -> list[Rivals]:
    """Of every row, none at all where there is no task; without events for free text, a truncated answer, and a task
    with nothing else to say."""
    if not short.tasks:
        return []
    tokens: dict[str, tuple[int, ...]] = {}

    def response(row: Row, text: str) -> tuple[int, ...]:
        if text not in tokens:  # the same under every prompt
            tokens[text] = _response(encode(row.with_responses((text,)).without_prompt(), lm.tokenizer, 10**6))
        return tokens[text]

    found = []
    for row, own in zip(rows, encoded, strict=True):
        task = None if own.truncated else short.task_of(row.prompt, row.responses)
        others = [] if task is None else short.tasks[task].others(row.response, OTHERS)
        found.append(Rivals.of(_response(own), [response(row, text) for text in others]))
    return found


def margins(
    lm: LanguageModel, encoded: Sequence[Encoded], rivals: Sequence[Rivals], advance: RowsDone = lambda _rows: None
) -> np.ndarray:
    """log P(own answer) − log P(any other), float32 [rows]; NaN for a row without rivals.

    The own answer counts up to the last place in which another one differs, every other up to where it does.
    """
    result = np.full(len(encoded), np.nan, np.float32)
    some = [i for i, one in enumerate(rivals) if one.events]

    @torch.no_grad()
    def run(batch: Batch) -> list[float]:
        places = [encoded[some[i]].response_places[: rivals[some[i]].last + 1] for i in batch.index]
        with under_precision(lm):
            there = batch.to(device_of(lm))
            found = log_probabilities(lm.model, there.input_ids, there.attention_mask, places)
        return [_margin(table, encoded[some[i]], rivals[some[i]]) for i, table in zip(batch.index, found, strict=True)]

    for index, values in batchwise(lm, [encoded[i] for i in some], run, lambda _rows: None):
        result[[some[i] for i in index]] = values
    advance(len(encoded))
    return result


def _margin(table: Tensor, own: Encoded, rivals: Rivals) -> float:
    """table: [places, V] log-probabilities at the row's own tokens."""
    said = table[range(len(table)), list(_response(own)[: len(table)])].double()
    before = torch.cat([said.new_zeros(1), said.cumsum(0)])
    others = torch.stack([before[place] + table[place, token].double() for place, token in rivals.events])
    return float(before[-1] - others.logsumexp(0))


def _response(encoded: Encoded) -> tuple[int, ...]:
    return tuple(encoded.input_ids[i] for i in encoded.response_places)

"""How likely each of some answers is to a row's prompt: the row's own label and those it might have had instead.

A prompt is read once and its keys and values are kept; each answer is then read after it. So a row costs its prompt
and the tokens of all answers, not a prompt per answer. Prompts are padded on the left, as for generation: an answer
then follows its prompt in every row of a batch, and positions and sliding windows are those of whole rows. The sums
equal those of whole rows up to rounding.

R row, L answer, P pair of a row and an answer, T prompt token, M answer token, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from clues.data.batches import Batch
from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.models.base import LanguageModel
from clues.models.likelihood import LOGIT_VALUES
from clues.models.transformers_private import BodyOutput, causal_model, head_of
from clues.scoring.passes import RowsDone, batchwise, under_precision

Answer = tuple[int, ...]
"""Tokens of an answer and its end-of-turn token."""
KEPT = 8
"""Keys and values are held for this many times the token budget: without gradients they are all that is held."""

CACHES = ("cache", "past_key_values")
"""What transformers calls keys and values in a model's output and arguments: one or the other, by its version."""


def answer_tokens(row: Row, answers: Sequence[str], lm: LanguageModel) -> list[Answer]:
    """Tokens of answers, each with its end of turn, as the last response of a row; the same whatever the row is.

    Raises NoResponseToken for an empty answer, and where the row's prompt alone fills the model.
    """
    texts = [(*row.responses[:-1], answer) for answer in answers]
    whole = [encode(row.with_responses(text), lm.tokenizer, lm.settings.max_length) for text in texts]
    return [e.input_ids[_start(e) : e.end_positions[-1] + 1] for e in whole]


@torch.no_grad()
def label_likelihoods(
    lm: LanguageModel,
    encoded: Sequence[Encoded],
    answers: Sequence[Answer],
    asked: np.ndarray | None = None,
    advance: RowsDone = lambda _rows: None,
) -> np.ndarray:
    """log P(answer, end of turn | the row's prompt), in nats, float32 [R, L]; with the adapter if there is one.

    Args:
        encoded: rows, of which all before the last response is read; whatever answer they have plays no part.
        answers: L of them, of two tokens or more, as `answer_tokens` makes them.
        asked: [R, L] bool, which pairs are wanted, by default all; the others are NaN. With hundreds of labels a row
            needs no more than its own and some others.
        advance: called with the number of rows just finished.
    """
    wanted = np.ones((len(encoded), len(answers)), bool) if asked is None else asked
    found = np.full(wanted.shape, np.nan, np.float32)

    def run(batch: Batch) -> Tensor:
        return _batch(lm, batch, answers, wanted[batch.index])

    for index, values in batchwise(lm, [_prompt(e) for e in encoded], run, advance):
        found[index] = values.cpu().numpy()
    return found


def others_asked(own: np.ndarray, labels: int, seed: int, most: int = 16) -> np.ndarray:
    """[R, labels] bool: each row's own label and at most `most` others: half of them the most frequent labels, the
    rest drawn by `seed`; all of them where there are no more.

    Args:
        own: [R] int, each row's label; the frequencies are taken of these.
    """
    asked = np.zeros((len(own), labels), bool)
    frequent = np.argsort(-np.bincount(own, minlength=labels), kind="stable")
    for row, label in enumerate(own):
        others = frequent[frequent != label]
        first, rest = others[: most // 2], others[most // 2 :]
        drawn = np.random.default_rng([seed, row]).permutation(rest)[: most - len(first)]
        asked[row, [label, *first, *drawn]] = True
    return asked


def _start(encoded: Encoded) -> int:
    """Place of the first token of the last response (that is left)."""
    mask = np.asarray(encoded.response_mask)
    ends = [end for end in encoded.end_positions if mask[end + 1 :].any()]  # of earlier responses
    after = ends[-1] + 1 if ends else 0
    return int(after + np.argmax(mask[after:]))


def _prompt(encoded: Encoded) -> Encoded:
    start = _start(encoded)
    assert start > 0, "a response needs a token before it"
    return replace(
        encoded, input_ids=encoded.input_ids[:start], response_mask=(False,) * start, end_positions=(), spans=()
    )


def _batch(lm: LanguageModel, batch: Batch, answers: Sequence[Answer], wanted: np.ndarray) -> Tensor:
    """[B, L]"""
    device = lm.model.device
    ids, mask = (_leftwards(batch, x).to(device) for x in (batch.input_ids, batch.attention_mask))
    with under_precision(lm):
        prompt = _read(lm, ids, mask, mask.cumsum(1).sub(1).clamp_min(0))
        head = head_of(lm.model, ids, prompt)
        first = head(prompt.last_hidden_state[:, -1]).float().log_softmax(-1)  # [B, V]
        name = next(name for name in CACHES if name in prompt)
        found = torch.full(wanted.shape, torch.nan, device=device)
        for rows, labels in _chunks(lm, wanted, answers, ids.shape[1]):
            tokens = _padded([answers[i] for i in labels], device)
            inputs, there = tokens[:, :-1].clamp_min(0), tokens[:, 1:] >= 0
            held = deepcopy(prompt[name])
            held.batch_select_indices(torch.tensor(rows, device=device))
            before = mask[rows]
            places = before.sum(1, keepdim=True) + torch.arange(inputs.shape[1], device=device)
            after = _read(lm, inputs, torch.cat([before, there.to(before)], 1), places, **{name: held})
            logits = head(after.last_hidden_state[there]).float()
            rest = torch.zeros(there.shape, device=device)
            rest[there] = -F.cross_entropy(logits, tokens[:, 1:][there], reduction="none")
            found[rows, labels] = first[rows, tokens[:, 0]] + rest.sum(1)
    return found


def _leftwards(batch: Batch, values: Tensor) -> Tensor:
    """[B, T] of a batch, its padding moved to the left."""
    return torch.stack(
        [x.roll(int(padding)) for x, padding in zip(values, (1 - batch.attention_mask).sum(1), strict=True)]
    )


def _read(lm: LanguageModel, ids: Tensor, mask: Tensor, places: Tensor, **held: Any) -> BodyOutput:
    """What the model's body makes of tokens [B, T] at these places, after what is held; the adapter is inside it."""
    body = causal_model(lm.model).base_model
    return body(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=True, **held)


def _padded(answers: Sequence[Answer], device: torch.device) -> Tensor:
    """[P, M] int64, padded with −1 on the right, where nothing that counts looks."""
    longest = max(map(len, answers))
    return torch.tensor([(*a, *(-1,) * (longest - len(a))) for a in answers], device=device)


def _chunks(
    lm: LanguageModel, wanted: np.ndarray, answers: Sequence[Answer], prompt: int
) -> Iterator[tuple[list[int], list[int]]]:
    """Pairs as positions of rows and of labels, answers of like length together, as many as memory is planned for."""
    pairs = sorted(np.argwhere(wanted).tolist(), key=lambda pair: len(answers[pair[1]]))
    vocabulary = causal_model(lm.model).config.get_text_config().vocab_size
    while pairs:
        longest = len(answers[pairs[-1][1]])
        fit = min(KEPT * lm.settings.token_budget // (prompt + longest), LOGIT_VALUES // (longest * vocabulary))
        some, pairs = pairs[-max(1, fit) :], pairs[: -max(1, fit)]
        yield [row for row, _ in some], [label for _, label in some]

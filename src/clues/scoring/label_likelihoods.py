"""How likely each of some answers is to a row's prompt: the row's own label and those it might have had instead.

A prompt is read once and its keys and values are kept; each answer is then read after it. So a row costs its prompt
and the tokens of all answers, not a prompt per answer. The sums equal those of whole rows read one by one up to
rounding (`reference_likelihoods` in the tests): prompts of one length share a batch, so nothing is padded on the left
of an answer, and sliding windows and positions are those of whole rows.

R row, L answer, P pair of a row and an answer, T prompt token, M answer token, V vocabulary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from clues.data.batches import Batch
from clues.data.encoding import Encoded, encode
from clues.data.rows import Row
from clues.models.base import LanguageModel
from clues.models.likelihood import LOGIT_VALUES
from clues.models.transformers_private import causal_model
from clues.scoring.passes import RowsDone, batchwise

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
    for places in _by_length(prompts := [_prompt(e) for e in encoded]).values():

        def run(batch: Batch, places: list[int] = places) -> Tensor:
            return _batch(lm, batch, answers, wanted[[places[i] for i in batch.index]])

        for index, values in batchwise(lm, [prompts[i] for i in places], run, advance):
            found[[places[i] for i in index]] = values.cpu().numpy()
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


def _by_length(prompts: Sequence[Encoded]) -> dict[int, list[int]]:
    places: dict[int, list[int]] = defaultdict(list)
    for i, prompt in sorted(enumerate(prompts), key=lambda item: -len(item[1])):  # the longest first, as in `batchwise`
        places[len(prompt)].append(i)
    return places


def _batch(lm: LanguageModel, batch: Batch, answers: Sequence[Answer], wanted: np.ndarray) -> Tensor:
    """[B, L] of prompts of one length."""
    device = lm.model.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=lm.settings.precision == "bf16"):
        read = _read(lm, batch.input_ids.to(device))
        first = read.logits[:, -1].float().log_softmax(-1)  # [B, V]
        found = torch.full(wanted.shape, torch.nan, device=device)
        for rows, labels in _chunks(lm, wanted, answers, batch.input_ids.shape[1]):
            tokens = _padded([answers[i] for i in labels], device)
            held = {name: deepcopy(read[name]) for name in CACHES if name in read}
            for cache in held.values():
                cache.batch_select_indices(torch.tensor(rows, device=device))
            rest = _rest(_read(lm, tokens[:, :-1].clamp_min(0), held).logits, tokens[:, 1:])
            found[rows, labels] = first[rows, tokens[:, 0]] + rest
    return found


def _read(lm: LanguageModel, ids: Tensor, held: Mapping[str, Any] | None = None) -> Any:
    """The model's output: logits of the last token only where nothing was read before, of all tokens after that."""
    return cast(Any, lm.model)(input_ids=ids, use_cache=True, logits_to_keep=0 if held else 1, **held or {})


def _rest(logits: Tensor, targets: Tensor) -> Tensor:
    """Σ over the tokens after an answer's first, [P], of logits [P, M, V] and targets [P, M]; −1 is padding."""
    picked = logits.float().log_softmax(-1).gather(-1, targets.clamp_min(0)[..., None])[..., 0]
    return picked.masked_fill(targets < 0, 0).sum(1)


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

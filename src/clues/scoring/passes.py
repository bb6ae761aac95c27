"""Passes over rows in batches: forward for likelihoods, forward and backward for what the gradients say.

B sample, T token, I inputs and O outputs of a linear layer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor

from clues.data.batches import Batch, collate, token_budget_batches
from clues.data.encoding import Encoded
from clues.errors import RowTooLongError
from clues.models.base import LanguageModel
from clues.models.likelihood import response_nll, row_means
from clues.scoring.observe import Observer, observed
from clues.scoring.readings import LIKELIHOODS, likelihood_channels

RowsDone = Callable[[int], None]
"""Called with the number of rows just finished."""

Result = TypeVar("Result")


def likelihood_batch(lm: LanguageModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """`response_nll` of a batch on the model's device, under the precision of the job."""
    device = device_of(lm)
    with under_precision(lm):
        return response_nll(
            lm.model, batch.input_ids.to(device), batch.attention_mask.to(device), batch.response_mask.to(device)
        )


def device_of(lm: LanguageModel) -> torch.device:
    """Where the model is; one that is wrapped for several processes has no `device`."""
    return next(lm.model.parameters()).device


def under_precision(lm: LanguageModel) -> torch.autocast:
    """The precision of the job, for the passes inside."""
    return torch.autocast(device_of(lm).type, dtype=torch.bfloat16, enabled=lm.settings.precision == "bf16")


def batchwise(
    lm: LanguageModel, encoded: Sequence[Encoded], run: Callable[[Batch], Result], advance: RowsDone
) -> Iterator[tuple[list[int], Result]]:
    """Batches of rows by the token budget, each with what `run` makes of it.

    A batch that finds no memory is halved, and no later one is larger than what fits; a warning says so.

    Raises RowTooLongError where not even one row fits.
    """
    waiting, limit = token_budget_batches(encoded, lm.settings.token_budget)[::-1], lm.settings.token_budget
    while waiting:
        index = waiting.pop()
        longest = len(encoded[index[0]])
        if len(index) > 1 and len(index) * longest > limit:
            half = len(index) // 2
            waiting += [index[half:], index[:half]]
            continue
        try:
            result = run(collate(encoded, index, lm.pad_id))
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            if len(index) == 1:
                raise RowTooLongError(
                    f"no memory for one row of {longest} tokens: lower model.max_length, or score on a larger machine"
                ) from error
            limit = len(index) * longest // 2
            warnings.warn(f"no memory for {2 * limit} tokens at once: going on with {limit}", stacklevel=2)
            waiting.append(index)
            clear_device_cache(garbage_collection=True)
            continue
        yield index, result
        advance(len(index))


@torch.no_grad()
def token_nll(
    lm: LanguageModel, encoded: Sequence[Encoded], advance: RowsDone = lambda _rows: None
) -> list[np.ndarray]:
    """Negative log-likelihood of every response token, one float32 array per row, in the rows' order."""
    result: list[np.ndarray] = [np.empty(0, np.float32)] * len(encoded)
    for index, found in batchwise(lm, encoded, lambda batch: likelihood_batch(lm, batch), advance):
        for i, nll in zip(index, by_row(*found), strict=True):
            result[i] = nll
    return result


def by_row(nll: Tensor, row: Tensor) -> list[np.ndarray]:
    """The token NLLs [N] of a batch, taken apart by the row [N] they belong to."""
    return np.split(nll.detach().cpu().numpy(), np.flatnonzero(np.diff(row.cpu().numpy())) + 1)


def row_nll(lm: LanguageModel, encoded: Sequence[Encoded], advance: RowsDone = lambda _rows: None) -> np.ndarray:
    """ℓ(a|q): mean response-token NLL of every row, float32 [rows]."""
    return np.array([nll.mean() for nll in token_nll(lm, encoded, advance)])


def gradient_pass(
    lm: LanguageModel,
    encoded: Sequence[Encoded],
    observers: Sequence[Observer],
    advance: RowsDone = lambda _rows: None,
) -> dict[str, np.ndarray]:
    """One forward and one backward pass over the rows, read by all observers at once: channel -> float32 [rows].

    The loss is Σ_i ℓ_i, so that row i's gradient does not depend on its batch mates. Nothing requires a gradient below
    the lowest layer that is observed, so the backward pass stops there. The likelihoods of the same pass are channels
    as well, for nothing: `LIKELIHOODS`.
    """

    def run(batch: Batch) -> tuple[list[np.ndarray], list[np.ndarray]]:
        rows = len(batch.index)
        with observed(lm.model, observers, rows):
            nll, row = likelihood_batch(lm, batch)
            row_means(nll, row, rows).sum().backward()
        return [observer.read().T.cpu().numpy() for observer in observers], by_row(nll, row)

    names = [*(name for observer in observers for name in observer.channels), *(c.column for c in LIKELIHOODS)]
    result = {name: np.zeros(len(encoded), np.float32) for name in names}
    for index, (read, nll) in batchwise(lm, encoded, run, advance):
        likelihoods = likelihood_channels(nll, [encoded[i] for i in index])
        for name, values in zip(names, [*(v for part in read for v in part), *likelihoods], strict=True):
            result[name][index] = values
    return result

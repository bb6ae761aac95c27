"""Similarity of hidden states to the public validation rows: RDS+ (arXiv 2503.01807, "RDS+").

A row is represented by the last hidden states of all its tokens, prompt and response, averaged with weights that grow
with the position: Σ_t t h_t / Σ_t t, t = 1 ... T, for a later token has seen more (SGPT, arXiv 2202.08904). Two rows
are compared by the cosine. RDS+ counts the most similar validation row; the mean over them is here beside it.

B sample, T token, H hidden, V validation row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from clues.data.batches import Batch
from clues.data.encoding import Encoded
from clues.models.base import LanguageModel
from clues.models.transformers_private import causal_model
from clues.scoring.passes import RowsDone, batchwise, under_precision


def similarity_scores(
    lm: LanguageModel,
    encoded: Sequence[Encoded],
    validation: Sequence[Encoded],
    advance: RowsDone = lambda _rows: None,
) -> dict[str, np.ndarray]:
    """Cosines to the validation rows under the model as it stands: `similarity.max` (RDS+) and `similarity.mean`.

    One forward pass without the output head over the rows and the validation rows; only the latter's [V, H] is kept.
    Scores see no answer's worth, only its subject and style: an answer to another question of the field is similar
    too. Float32 [rows] each, higher is better. `advance` hears of the rows, not of the validation rows.
    """
    return similarities(lm, encoded, representations(lm, validation), advance)


def similarities(
    lm: LanguageModel, encoded: Sequence[Encoded], rulers: Tensor, advance: RowsDone = lambda _rows: None
) -> dict[str, np.ndarray]:
    """`similarity_scores` against rows that have their `representations` [V, H] already."""
    result = {name: np.zeros(len(encoded), np.float32) for name in ("similarity.max", "similarity.mean")}
    for index, states in _representations(lm, encoded, advance):
        cosines = states @ rulers.T  # [B, V]
        result["similarity.max"][index] = cosines.amax(1).cpu().numpy()
        result["similarity.mean"][index] = cosines.mean(1).cpu().numpy()
    return result


def representations(lm: LanguageModel, encoded: Sequence[Encoded]) -> Tensor:
    """Unit vectors [V, H], in the order of the batches."""
    return torch.cat([states for _, states in _representations(lm, encoded, lambda _rows: None)])


def _representations(
    lm: LanguageModel, encoded: Sequence[Encoded], advance: RowsDone
) -> Iterator[tuple[list[int], Tensor]]:
    """Batches of rows: their positions and unit vectors [B, H]."""
    return batchwise(lm, encoded, lambda batch: F.normalize(pool(_hidden_states(lm, batch), batch)), advance)


@torch.no_grad()
def _hidden_states(lm: LanguageModel, batch: Batch) -> Tensor:
    """Last hidden states [B, T, H], after the model's final norm, float32, under the precision of the job."""
    body = causal_model(lm.model).base_model
    ids, mask = batch.input_ids.to(lm.model.device), batch.attention_mask.to(lm.model.device)
    with under_precision(lm):
        states = body(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    return states.float()


def pool(states: Tensor, batch: Batch) -> Tensor:
    """Σ_t t h_t / Σ_t t over the T tokens of each row, without its padding: [B, T, H] -> [B, H]."""
    mask = batch.attention_mask.to(states.device)
    weights = mask * mask.cumsum(1)  # [B, T]: 1, 2, ..., T, 0, 0
    return torch.einsum("bt,bth->bh", weights / weights.sum(1, keepdim=True), states)

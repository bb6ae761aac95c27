"""cleanlab on embeddings, as its users run it: mean-pooled hidden states, a logistic regression, cross-validated."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clues.data.batches import Batch
from clues.data.encoding import encode
from clues.models.base import LanguageModel
from clues.models.transformers_private import causal_model
from clues.scoring.passes import batchwise, under_precision
from clues_research.labels.worlds import Labelled

FOLDS = 5
LEAST = 1e-12
"""Probability of what a regression holds to be impossible."""


@torch.no_grad()
def prompt_embeddings(lm: LanguageModel, rows: Labelled) -> np.ndarray:
    """[R, H] mean over the prompt's tokens of the last hidden states, under the base or the adapter it carries."""
    whole = [encode(row, lm.tokenizer, lm.settings.max_length) for row in rows.rows]
    found = np.zeros((len(whole), causal_model(lm.model).config.get_text_config().hidden_size), np.float32)
    for index, states in batchwise(lm, whole, lambda batch: _states(lm, batch), lambda _rows: None):
        found[index] = states
    return found


def _states(lm: LanguageModel, batch: Batch) -> np.ndarray:
    device = lm.model.device
    ids, mask = batch.input_ids.to(device), batch.attention_mask.to(device)
    with under_precision(lm):
        states = causal_model(lm.model).base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    prompt = (mask.bool() & ~batch.response_mask.to(device).cummax(1).values).float()  # all before the answer
    mean = torch.einsum("bt,bth->bh", prompt, states.last_hidden_state.float()) / prompt.sum(1, keepdim=True)
    return mean.cpu().numpy()


def regression_logits(embeddings: np.ndarray, given: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """[R, classes] log-probability of every class by a regression that has not seen the row; NaN for a class that no
    row says. A class with fewer rows than folds is missing from some regressions, which then give it nothing."""
    used = np.unique(given)
    logits = np.full((len(given), classes), np.nan)
    if len(used) < 2:
        return logits
    folds = StratifiedKFold(min(FOLDS, int(np.bincount(given).max())), shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(The least populated class|Number of classes in training)")
        found = cross_val_predict(model, embeddings, given, cv=folds, method="predict_proba")
    logits[:, used] = np.log(np.maximum(np.asarray(found), LEAST))
    return logits

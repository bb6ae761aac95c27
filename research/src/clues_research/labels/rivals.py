"""Finding wrong labels by what a model says of every label: each rival by its formula, once.

Everywhere `logits` are log-likelihoods [R, K] of a row's options, or [C, R, K] at C checkpoints in their order, NaN for
an option that was not asked for, and `given` [R] is the place of the label that the row says. Scores are [R], higher is
better data.
"""

from __future__ import annotations

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import (
    get_label_quality_scores,
    get_normalized_margin_for_each_label,
    get_self_confidence_for_each_label,
)
from scipy.special import log_softmax


def probabilities(logits: np.ndarray) -> np.ndarray:
    """[..., R, K] over the options that were asked for; the others have 0."""
    return np.exp(log_softmax(np.nan_to_num(logits, nan=-np.inf), axis=-1))


def self_confidence(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """p(given): cleanlab's first score (Northcutt et al., JAIR 2021)."""
    return get_self_confidence_for_each_label(given, probabilities(logits))


def normalized_margin(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """p(given) − max over the other labels of p, brought to [0, 1] as cleanlab does."""
    return get_normalized_margin_for_each_label(given, probabilities(logits))


def confident_learning(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """cleanlab's score with `adjust_pred_probs`: p less each class's confident threshold, the mean p(k) over the rows
    that say k, normalised; then p(given). It corrects for classes that the model is shy of."""
    return get_label_quality_scores(given, probabilities(logits), method="self_confidence", adjust_pred_probs=True)


def confident_kept(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """[R] bool: what cleanlab's `find_label_issues` leaves by its default rule, `prune_by_noise_rate`: of every pair
    of classes as many as its confident joint estimates, the likeliest first."""
    return ~find_label_issues(given, probabilities(logits), n_jobs=1)


def aum(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Area under the margin (Pleiss et al., NeurIPS 2020): the mean over checkpoints of the given label's logit less
    the largest other one. A language model's logit of a label is its log-likelihood."""
    rows = np.arange(len(given))
    others = np.nan_to_num(logits, nan=-np.inf)
    others[:, rows, given] = -np.inf
    return (logits[:, rows, given] - others.max(-1)).mean(0)


def confidence(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Dataset cartography (Swayamdipta et al., EMNLP 2020): the mean over checkpoints of p(given)."""
    return probabilities(logits)[:, np.arange(len(given)), given].mean(0)


def variability(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Dataset cartography: the standard deviation over checkpoints of p(given). Mislabelled rows are hard to learn,
    which is low confidence and low variability, so higher is better."""
    return probabilities(logits)[:, np.arange(len(given)), given].std(0)


def correctness(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Dataset cartography: the share of checkpoints at which the given label is the likeliest."""
    return (np.nan_to_num(logits, nan=-np.inf).argmax(-1) == given).mean(0)


def loss(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Minus the cross-entropy: log p(given) among the options."""
    return log_softmax(np.nan_to_num(logits, nan=-np.inf), axis=-1)[np.arange(len(given)), given]


def el2n(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    """EL2N (Paul, Ganguli and Dziugaite, NeurIPS 2021): minus ‖p − one-hot(given)‖₂. They keep rows of a high norm for
    what is hard; what is wrong is hardest, so higher is worse here."""
    p = probabilities(logits)
    p[np.arange(len(given)), given] -= 1
    return -np.linalg.norm(p, axis=-1)

"""What a model says of every option of labelled rows, and how often it is right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import log_softmax

from clues.data.encoding import Encoded, encode
from clues.models.base import LanguageModel
from clues.scoring.label_likelihoods import answer_tokens, label_likelihoods, others_asked
from clues_research.labels.worlds import Labelled

ALL = 32
"""So many classes are all asked for; of more, a row's own and some others."""


def encoded(lm: LanguageModel, rows: Labelled) -> list[Encoded]:
    """Tokens of the rows with the labels that they say."""
    return [encode(row, lm.tokenizer, lm.settings.max_length) for row in rows.rows]


def option_logits(lm: LanguageModel, rows: Labelled, *, every: bool = False, seed: int = 0) -> np.ndarray:
    """[R, K] log-likelihood of every row's options under the model as it stands, NaN where not asked for.

    Args:
        every: all options even of a large label set, such as for a verdict on test rows.
    """
    own = [dict.fromkeys(options) for options in rows.options]
    texts = {text: i for i, text in enumerate(dict.fromkeys(text for options in own for text in options))}
    at = np.array([[texts[text] for text in options] for options in rows.options])  # [R, K]
    asked = np.zeros((len(rows.rows), len(texts)), bool)
    np.put_along_axis(asked, at, True, axis=1)
    if at.shape[1] > ALL and not every:
        asked &= others_asked(at[np.arange(len(at)), rows.given], len(texts), seed)
    found = label_likelihoods(lm, encoded(lm, rows), answer_tokens(rows.rows[0], list(texts), lm), asked)
    return np.take_along_axis(found, at, axis=1)


def measured(lm: LanguageModel, test: Labelled) -> Mapping[str, float]:
    """`accuracy` of the likeliest option, and `nll` of the right one among the options in nats."""
    logits, right = option_logits(lm, test, every=True), np.arange(len(test.rows))
    nll = -log_softmax(logits, axis=1)[right, test.true]
    return {"accuracy": float((logits.argmax(1) == test.true).mean()), "nll": float(nll.mean())}


def majority(client: Labelled, test: Labelled) -> float:
    """Accuracy on the test of who always says the clients' most frequent right answer."""
    return float((test.true == np.bincount(client.true).argmax()).mean())

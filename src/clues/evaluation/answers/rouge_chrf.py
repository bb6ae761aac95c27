"""How much of a reference an answer has: ROUGE-L by its words, chrF by its characters. No judge, any language.

Both are between 0 and 100 and are computed row by row. They reward the reference's own wording: a good answer in other
words scores low, so that they compare models and say little about one of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer
from sacrebleu.metrics.chrf import CHRF

from clues.data.words import words
from clues.evaluation.answers.answer import Answer
from clues.statistics.bootstrap import estimate

MEASURES = ("rouge_l", "chrf")


class Words(Tokenizer):
    """Words of any language (`clues.data.words`).

    rouge-score's own keeps a to z and digits alone: "días" would be "d" and "as", and Chinese nothing at all. Nothing
    is stemmed: stems are of one language.
    """

    def tokenize(self, text: str) -> list[str]:
        """The words as they are compared."""
        return words(text)


def composed(text: str) -> str:
    """Unicode's canonical composition."""
    return unicodedata.normalize("NFC", text)


def rouge_l(answers: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """F1 of the longest common subsequence of words, × 100 [N] (Lin, ROUGE, 2004), over the whole text as one sentence.

    0 where either has no word.
    """
    scorer = RougeScorer(["rougeL"], tokenizer=Words())
    pairs = zip(references, answers, strict=True)
    return np.array([100 * scorer.score(reference, answer)["rougeL"].fmeasure for reference, answer in pairs], float)


def chrf(answers: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """chrF2 of each answer [N] (Popović, 2015): F2 over n-grams of 1 to 6 characters, white space aside, by sacrebleu.

    Capital letters count. Means of these are means of sentence scores; sacrebleu's corpus score pools n-grams instead.
    """
    scorer = CHRF()
    pairs = zip(answers, references, strict=True)
    return np.array([scorer.sentence_score(composed(a), [composed(r)]).score for a, r in pairs], float)


def row_scores(answers: Sequence[Answer]) -> dict[str, NDArray[np.float64]]:
    """Every measure of a model's answers against their references, row by row [N]."""
    texts, references = [a.answer for a in answers], [a.reference for a in answers]
    return {"rouge_l": rouge_l(texts, references), "chrf": chrf(texts, references)}


def mean_scores(
    rows: dict[str, NDArray[np.float64]], documents: Sequence[str], resamples: int = 2000, seed: int = 0
) -> dict[str, float | None]:
    """Each measure's mean over rows, with `_low` and `_high`: a 95 % interval over documents."""
    result: dict[str, float | None] = {}
    for name, values in rows.items():
        mean = estimate(values, documents, resamples, seed)
        result |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
    return result

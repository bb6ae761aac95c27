"""Scores from token likelihoods equal their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from clues.baselines.likelihoods import likelihood_scores
from clues.data.encoding import Encoded, encode
from clues.data.rows import Message, Row
from clues.scoring.passes import token_nll
from clues.scoring.reference import reference_loss
from tests.scoring.test_probe import adapted

TEXTS = (("How is asthma treated?", "Inhaled medicines."), ("What causes anaemia?", "A lack of iron in the diet."))


def nll(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def encoded_rows(*responses: int) -> list[Encoded]:
    """Rows of five prompt tokens and some response tokens."""
    return [Encoded(tuple(range(5 + n)), (False,) * 5 + (True,) * n, (), (), False) for n in responses]


def test_formulas_by_hand():
    found = likelihood_scores([nll(1, 2), nll(4)], [nll(3, 3), nll(2)], encoded_rows(2, 1))
    assert found["perplexity"] == pytest.approx([-1.5, -4])
    assert found["ifd"] == pytest.approx([-0.5, -2])  # the second is above 1: its prompt makes the answer less likely
    assert found["ira"] == pytest.approx([1.5, -2])
    assert found["length"].tolist() == [2, 1]
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}


def test_both_means_are_over_the_tokens_that_both_have():
    found = likelihood_scores([nll(1, 2)], [nll(3, 3, 100)], encoded_rows(2))
    assert (found["ifd"][0], found["ira"][0]) == pytest.approx((-0.5, 1.5))


def test_an_answer_that_is_certain_without_its_prompt_has_no_ratio():
    assert np.isnan(likelihood_scores([nll(1, 1)], [nll(0, 0)], encoded_rows(2))["ifd"][0])


def test_random_depends_on_the_row_and_the_seed_alone():
    rows = encoded_rows(1, 2, 3, 2)

    def random(some, seed=0):
        ones = [nll(1)] * len(some)
        return likelihood_scores(ones, ones, some, seed)["random"]

    values = random(rows)
    assert values.tolist() == random(rows[::-1])[::-1].tolist()
    assert values[1] == values[3] != values[0]  # the same row twice
    assert not np.isclose(values, random(rows, seed=1)).any()
    masked = Encoded(rows[0].input_ids, (False,) * 4 + (True,) * 2, (), (), False)
    assert random([masked])[0] != values[0]
    many = random(encoded_rows(*range(1, 400)))
    assert abs(many.mean() - 0.5) < 0.06
    assert 0 <= many.min() < 0.02
    assert 0.98 < many.max() <= 1


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_on_a_model_they_are_the_losses_of_transformers(kind):
    lm = adapted(kind, 3, token_budget=1000)
    rows = [Row((Message("user", q), Message("assistant", a)), "f", i, {}) for i, (q, a) in enumerate(TEXTS)]
    given, without = (
        [encode(row, lm.tokenizer, 200) for row in some] for some in (rows, [r.without_prompt() for r in rows])
    )
    found = likelihood_scores(token_nll(lm, given), token_nll(lm, without), given)
    for i, (q, a) in enumerate(zip(given, without, strict=True)):
        with_prompt, alone = (reference_loss(lm.model, e.input_ids, e.response_mask).item() for e in (q, a))
        assert found["perplexity"][i] == pytest.approx(-with_prompt, rel=1e-4)
        assert found["ifd"][i] == pytest.approx(-with_prompt / alone, rel=1e-4)
        assert found["ira"][i] == pytest.approx(alone - with_prompt, abs=1e-4)

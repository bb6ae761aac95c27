"""The public validation rows: random halves, copies that stay in them, and scores by directions of the other half."""

from __future__ import annotations

import numpy as np
import pytest

from clues.checkpoint import make_checkpoint, score_validation
from clues.config import SettingError
from clues.models.adapters import lora_parameters
from clues.scoring.criteria import CRITERIA, GOOD
from clues.scoring.directions import directions_at
from clues.scoring.reference import reference_gradient, reference_score
from clues.scoring.validation import encode_validation
from tests.scoring.test_domains import rows
from tests.scoring.test_probe import adapted

NAMES = [criterion.name for criterion in CRITERIA]


@pytest.fixture(scope="module")
def made():
    lm = adapted("llama", 1, token_budget=300)
    validation = encode_validation(rows(), lm, 3, domain_field="language")
    return lm, validation, make_checkpoint(lm, validation, published=False)


def test_halves_are_random_and_both_hold_rows_of_every_domain(made):
    lm, validation, _ = made
    assert validation.half_of.sum() == 6
    for language in ("fr", "en"):
        assert [len(validation.domain_rows(half)[language]) for half in (0, 1)] == [3, 3]
        both = [i for half in (0, 1) for i in validation.domain_rows(half)[language]]
        assert sorted(both) == validation.domain_rows()[language]
    found = [encode_validation(rows(), lm, seed).half_of for seed in range(8)]
    assert [half.sum() for half in found] == [6] * 8
    assert len({half.tobytes() for half in found}) > 4
    assert (np.ptp(found, axis=0) == 1).all()  # no row is always in the same half
    again = encode_validation(rows(), lm, 3, domain_field="language")
    assert again.half_of.tolist() == validation.half_of.tolist()


@pytest.mark.parametrize(("count", "second"), [(4, 2), (5, 2), (7, 3)])
def test_odd_rows_leave_one_half_a_row_more(count, second):
    assert encode_validation(rows()[:count], adapted("llama", 1), 0).half_of.sum() == second


def test_fewer_than_four_rows_are_refused():
    with pytest.raises(SettingError, match="3 public validation rows: at least four are needed"):
        encode_validation(rows()[:3], adapted("llama", 1), 0)


def test_an_exchanged_answer_comes_from_the_same_half_of_the_same_domain():
    """A copy whose answer the other half knows would be scored by directions that hold it."""
    lm = adapted("llama", 1)
    for seed in range(5):
        validation = encode_validation(rows(), lm, seed, domain_field="language")
        place = {row.response: i for i, row in enumerate(rows())}
        origin = [place[row.response] for row in validation.spoiled["relevance"].rows]
        assert all(i != j for i, j in enumerate(origin))
        assert validation.half_of[origin].tolist() == validation.half_of.tolist()
        assert [validation.domains[i] for i in origin] == list(validation.domains)


def test_all_rows_are_the_good_ones_then_the_copies_in_the_same_order(made):
    _, validation, _ = made
    assert validation.all_rows.rows[:12] == rows()
    assert validation.all_rows.encoded[:12] == validation.good
    assert list(validation.spoiled) == NAMES
    parts = validation.by_class(np.arange(60))
    assert {name: part.tolist() for name, part in parts.items()} == {
        name: list(range(12 * i, 12 * i + 12)) for i, name in enumerate((GOOD, *NAMES))
    }
    for name in NAMES:
        copies = [validation.all_rows.rows[i] for i in parts[name]]
        assert [row.prompt for row in copies] == validation.questions == [row.prompt for row in rows()]
        assert all(copy.response != row.response for copy, row in zip(copies, rows(), strict=True))
        assert validation.all_halves[parts[name]].tolist() == validation.half_of.tolist()


def test_good_rows_and_copies_are_scored_by_directions_made_without_them(made):
    """Directions of the own half, or of all rows, would give other numbers."""
    lm, validation, checkpoint = made
    found = score_validation(lm, checkpoint, validation)
    parameters = {n: p for n, p in lora_parameters(lm.model, "B").items() if n in checkpoint.directions.weights}
    by_half = [directions_at(lm, validation, half) for half in (0, 1)]
    for i in (0, 1, 13, 26, 38, 51):  # a good row or two, and a copy for each criterion
        half, encoded = validation.all_halves[i], validation.all_rows.encoded[i]
        g = reference_gradient(lm.model, encoded.input_ids, encoded.response_mask, parameters)
        for k, name in enumerate(checkpoint.directions.names):
            own, other = (
                reference_score(g, {n: w[k] for n, w in by_half[h].weights.items()}) for h in (half, 1 - half)
            )
            assert found[name][i] == pytest.approx(other, rel=1e-4, abs=1e-6)
            assert found[name][i] != pytest.approx(own, rel=1e-2)
    assert set(validation.all_halves[[0, 1, 13, 26, 38, 51]]) == {0, 1}


def test_a_part_of_the_rows_is_scored_as_the_whole(made):
    lm, validation, checkpoint = made
    whole = score_validation(lm, checkpoint, validation)
    for part in (slice(0, 1), slice(5, 31), slice(58, 60)):
        for name, values in score_validation(lm, checkpoint, validation, part=part).items():
            assert np.allclose(values, whole[name][part], rtol=1e-4, atol=1e-6, equal_nan=True), name

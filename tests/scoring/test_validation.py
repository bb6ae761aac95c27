"""The public validation rows: random folds, copies that stay in them, and scores by directions made without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clues.errors import SettingError
from clues.models.adapters import lora_parameters
from clues.scoring.checkpoint import make_checkpoint, score_validation
from clues.scoring.criteria import CRITERIA, GOOD
from clues.scoring.directions import directions_at
from clues.scoring.reference import reference_gradient, reference_score
from clues.scoring.validation import encode_validation
from tests.scoring.test_domains import TWELVE, rows
from tests.scoring.test_probe import adapted

NAMES = [criterion.name for criterion in CRITERIA]


@pytest.fixture(scope="module")
def made():
    lm = adapted("llama", 1, token_budget=300)
    validation = encode_validation(rows(), lm, 3, domain_field="language")
    return lm, validation, make_checkpoint(lm, validation, published=False)


def test_folds_are_random_and_all_hold_rows_of_every_domain(made):
    lm, validation, _ = made
    assert validation.folds == 2  # six rows of a language
    for places in validation.domain_rows().values():
        assert np.bincount(validation.fold_of[places]).tolist() == [3, 3]
    found = [encode_validation(rows(), lm, seed).fold_of for seed in range(8)]
    assert [np.bincount(fold).tolist() for fold in found] == [[4, 4, 4]] * 8
    assert len({fold.tobytes() for fold in found}) > 4
    assert (np.ptp(found, axis=0) > 0).all()  # no row is always in the same fold
    again = encode_validation(rows(), lm, 3, domain_field="language")
    assert again.fold_of.tolist() == validation.fold_of.tolist()


@pytest.mark.parametrize(
    ("count", "sizes"), [(4, [2, 2]), (7, [4, 3]), (11, [6, 5]), (12, [4, 4, 4]), (17, [5, 4, 4, 4])]
)
def test_a_fold_has_four_rows_where_there_are_so_many(count, sizes):
    many = rows((*TWELVE, *(f"{answer} Ask a doctor about it." for answer in TWELVE)), ("en",) * 24)
    assert np.bincount(encode_validation(many[:count], adapted("llama", 1), 0).fold_of).tolist() == sizes


def test_fewer_than_four_rows_are_refused():
    with pytest.raises(SettingError, match="3 public validation rows: at least four are needed"):
        encode_validation(rows()[:3], adapted("llama", 1), 0)


def test_an_exchanged_answer_comes_from_the_same_fold_of_the_same_domain():
    """A copy whose answer another fold knows would be scored by directions that hold it."""
    lm = adapted("llama", 1)
    for seed in range(5):
        validation = encode_validation(rows(), lm, seed, domain_field="language")
        place = {row.response: i for i, row in enumerate(rows())}
        origin = [place[row.response] for row in validation.spoiled["relevance"].rows]
        assert all(i != j for i, j in enumerate(origin))
        assert validation.fold_of[origin].tolist() == validation.fold_of.tolist()
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
        assert [row.prompt for row in copies] == list(validation.answers.questions) == [row.prompt for row in rows()]
        assert all(copy.response != row.response for copy, row in zip(copies, rows(), strict=True))
        assert validation.all_folds[parts[name]].tolist() == validation.fold_of.tolist()


def test_good_rows_and_copies_are_scored_by_directions_made_without_them(made):
    """Directions made without another fold, or of all rows, would give other numbers."""
    lm, validation, checkpoint = made
    found = score_validation(lm, checkpoint, validation)
    parameters = {n: p for n, p in lora_parameters(lm.model, "B").items() if n in checkpoint.directions.weights}
    folds = directions_at(lm, validation)
    some = (0, 1, 13, 26, 38, 51)  # a good row or two, and a copy for each criterion
    for i in some:
        fold, encoded = validation.all_folds[i], validation.all_rows.encoded[i]
        g = reference_gradient(lm.model, encoded.input_ids, encoded.response_mask, parameters)
        mine = [found[name][i] for name in checkpoint.directions.names]
        without, other = (
            [reference_score(g, {n: w[k] for n, w in folds[f].weights.items()}) for k in range(len(mine))]
            for f in (fold, 1 - fold)
        )
        assert mine == pytest.approx(without, rel=1e-3, abs=1e-6)
        assert sum(a == pytest.approx(b, rel=0.01) for a, b in zip(mine, other, strict=True)) <= 1  # by chance
    assert len(set(validation.all_folds[list(some)])) > 1


def test_a_part_of_the_rows_is_scored_as_the_whole(made):
    lm, validation, checkpoint = made
    whole = score_validation(lm, checkpoint, validation)
    for part in (slice(0, 1), slice(5, 31), slice(58, 60)):
        for name, values in score_validation(lm, checkpoint, validation, part=part).items():
            assert np.allclose(values, whole[name][part], rtol=1e-4, atol=1e-6, equal_nan=True), name


def test_a_checkpoint_of_an_older_version_is_refused(made):
    lm, validation, checkpoint = made
    with pytest.raises(SettingError, match="another version of clues"):
        score_validation(lm, replace(checkpoint, folds=()), validation)
